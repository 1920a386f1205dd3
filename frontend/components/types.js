// The data that the page sends to its components, for the type checker only: no script contains this file.

/**
 * The place of a value in a row: `column` may be between two columns or beyond the ends.
 * @typedef {{ column: number, sigma: number }} Mark
 */

/**
 * A row of the grid, as `scrubber.py` sends it.
 * @typedef {object} Row
 * @property {number} dim
 * @property {number} row of the atlas
 * @property {string} title
 * @property {string} short
 * @property {string} colour of its dimension
 * @property {string} facts
 * @property {string} note
 * @property {number} kl in nats
 * @property {number} change
 * @property {number[]} values
 * @property {number[]} sigmas
 * @property {Mark | null} frame
 * @property {Mark | null} held
 * @property {number[]} density
 * @property {number[] | null | undefined} doubt of a model about what follows each cell, times the usual
 * @property {[number, number]} data least and greatest value of the data, in sigma
 * @property {boolean} folded
 * @property {string} pair
 * @property {number} mirror
 */

/**
 * Rows and columns of pictures, as `scrubber.py` sends them.
 * @typedef {object} Atlas
 * @property {string} version
 * @property {string} image data URIs, these four
 * @property {string} original
 * @property {string} reconstruction
 * @property {string} footprint
 * @property {number} cell pixels
 * @property {number} columns
 * @property {Row[]} rows
 * @property {string} fold
 * @property {string} base
 * @property {string} unit
 * @property {boolean} compact
 * @property {string} group
 * @property {{ dim: number, text: string }[]} held
 * @property {{ dim: number, column: number } | null} selected
 * @property {{ place: string, image: string } | null} exact
 */

/**
 * A line of a chart; `low` and `high` are its band, `colour` is that of its dimension.
 * @typedef {{ name: string, values: (number | null)[], low?: (number | null)[], high?: (number | null)[], colour?: string, dash?: string }} Line
 */

/** @typedef {{ title: string, lines: Line[], range?: [number, number] }} Curve */

/**
 * Rows of pictures over the same steps, as `player.py` sends them.
 * @typedef {object} Timeline
 * @property {string} version
 * @property {string[]} strips data URIs
 * @property {{ title: string, note?: string, strip: number, row: number, kind: string, colour?: string }[]} rows
 * @property {number} cell pixels
 * @property {number} steps
 * @property {number} context steps that were observed
 * @property {number} [first] what the first step is called; 0 if not given
 * @property {Curve[]} curves
 * @property {number | null} step
 */

/**
 * A step of a play, with its pictures decoded.
 * @typedef {object} Moment
 * @property {number} step
 * @property {HTMLImageElement} real
 * @property {HTMLImageElement} model
 * @property {boolean} looked
 * @property {boolean} over
 * @property {number} difference in grey levels
 * @property {number[] | null} policy
 * @property {number[] | null} latent
 * @property {number | null} reward
 * @property {number | null} predicted_reward
 * @property {number | null} value
 */

/** @typedef {Omit<Moment, "real" | "model"> & { real: string, model: string }} SentMoment */

/**
 * A play that has begun, as `play.py` sends it.
 * @typedef {object} Play
 * @property {string} key
 * @property {string} base
 * @property {string} name
 * @property {boolean} policy
 * @property {number} actions
 * @property {number} most steps
 * @property {{ dim: number, name: string, mean: number, std: number, colour: string }[]} dimensions
 * @property {SentMoment} moment
 */

/**
 * Shares of dimensions and factors, as `matrix.py` sends them.
 * @typedef {object} Matrix
 * @property {{ title: string, values: number[], least: number[], colour?: string }[]} rows
 * @property {string[]} columns
 * @property {string} name
 * @property {string} leadsTo
 */

export {};

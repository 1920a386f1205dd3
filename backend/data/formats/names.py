"""The names of the formats of data sets, where their libraries need not be loaded."""

LEROBOT_V2, LEROBOT_V3 = "lerobot-v2.1", "lerobot-v3"
STABLE, MINARI, VD4RL, D4RL = "stable-worldmodel", "minari", "vd4rl", "d4rl"
ZARR, RLDS, NPZ, PICTURES, FILMS = "zarr", "rlds", "npz", "pictures", "films"
FORMATS = (LEROBOT_V2, LEROBOT_V3, STABLE, ZARR, RLDS, MINARI, VD4RL, D4RL, NPZ, PICTURES, FILMS)

"""`diswm` and `python -m backend`: assembles the commands."""

import typer


def build_app() -> typer.Typer:
    """The command line with every module's commands registered.

    They are imported here: the processes that environments run in import this module, and need none of them.
    """
    from backend.cli import (
        bench,
        checkpoints,
        compare,
        data,
        doctor,
        export,
        foreign_models,
        hub,
        methods,
        pilots,
        quality,
        serve,
        sweeps,
        tasks,
        track,
        train,
        views,
        weights,
    )

    app = typer.Typer(
        name="diswm",
        help="See what each latent dimension of a world model means.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for module in (
        serve,
        train,
        sweeps,
        track,
        pilots,
        methods,
        tasks,
        checkpoints,
        quality,
        views,
        export,
        weights,
        foreign_models,
        hub,
        data,
        compare,
        bench,
        doctor,
    ):
        module.register(app)
    return app


def main() -> None:
    """Entry point of the `diswm` script."""
    build_app()()


if __name__ == "__main__":
    main()

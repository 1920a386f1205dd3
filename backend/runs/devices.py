"""The devices of this machine, by the names that settings use."""


def available_devices() -> tuple[str, ...]:
    """ "auto" and "cpu", and where torch finds a GPU "cuda" and each "cuda:N"."""
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return ("auto", "cpu", *(("cuda",) if gpus else ()), *(f"cuda:{index}" for index in range(gpus)))


def resolve_device(name: str) -> str:
    """The name as torch knows it: "auto" is the GPU where there is one."""
    if name != "auto":
        return name
    return "cuda" if "cuda" in available_devices() else "cpu"

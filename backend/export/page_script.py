"""The script of an exported page: the only place where the backend reads the page's modules."""

from frontend.components.modules import joined


def viewer_script() -> str:
    """The joined modules of `viewer.js`, which run as soon as the exported page is open."""
    return joined("viewer.js").replace("export default function ()", "function open()").rstrip() + "\nopen();"

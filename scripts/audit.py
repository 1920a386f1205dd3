"""Say what an audit found: `pip-audit --format json`'s report as sentences. pip-audit itself passes over silence."""

import json
import sys
from pathlib import Path


def main(report: Path) -> int:
    """Prints what was compared and what was found; 1 unless every package had an answer and none a weakness."""
    if not report.exists():
        print(f"pip-audit wrote no report: {report.with_suffix('.txt')} says why. Nothing was compared.")
        return 1
    packages = json.loads(report.read_text())["dependencies"]
    silent = [package["name"] for package in packages if "vulns" not in package]
    weak = [(package, found) for package in packages for found in package.get("vulns", ())]
    for package, found in weak:
        fixed = ", ".join(found.get("fix_versions", ())) or "no release yet"
        print(f"{package['name']} {package['version']}: {found['id']}, fixed in {fixed}")
    compared = len(packages) - len(silent)
    print(
        f"{compared} of {len(packages)} pinned packages were compared with the public advisories: {len(weak)} findings."
    )
    if silent:
        shown = ", ".join(silent[:5]) + (", ..." if len(silent) > 5 else "")
        print(f"{len(silent)} had no answer ({shown}): of those nothing is known.")
    return int(bool(silent or weak or not packages))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

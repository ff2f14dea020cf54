"""Exit codes are the same everywhere: here, in the agent, in the README."""

import re
from pathlib import Path

from kaizen_backups.exit_codes import ExitCode

ROOT = Path(__file__).parents[2]


def test_the_agent_has_the_same_codes() -> None:
    script = (ROOT / "files/backups/kaizen-backup").read_text()
    line = next(line for line in script.splitlines() if line.startswith("readonly FAILED="))
    assert dict(re.findall(r"(\w+)=(\d+)", line)) == {
        "FAILED": str(ExitCode.FAILED.value),
        "USAGE": str(ExitCode.USAGE.value),
        "DATA": str(ExitCode.DATA.value),
        "LOCKED": str(ExitCode.LOCKED.value),
        "BAD_CONFIG": str(ExitCode.CONFIG.value),
        "INTERRUPTED": str(ExitCode.INTERRUPTED.value),
    }


def test_the_readme_lists_every_code() -> None:
    readme = (ROOT / "README.md").read_text()
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", readme, re.MULTILINE)}
    assert listed == {code.value for code in ExitCode}

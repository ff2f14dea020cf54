"""Is a repository whole? Its structure every time, and a thirtieth of its data: all of it in a month."""

from kaizen_backups.errors import DataError, KaizenError
from kaizen_backups.history import History, stamp
from kaizen_backups.offsite.repository import Restic
from kaizen_backups.run import Result

PARTS = 30
# restic says so of an object that is damaged or gone.
_DAMAGE = ("repository contains errors", "pack ", "does not exist", "hash does not match", "ciphertext verification")


async def check(restic: Restic, history: History, *, everything: bool = False) -> None:
    """Check a repository, and note what was found. Raises DataError when it is damaged, else KaizenError.

    With `everything` all of the data is read.
    """
    part = history.offsite_state(restic.name).part % PARTS + 1
    share = "--read-data" if everything else f"--read-data-subset={part}/{PARTS}"
    problem: KaizenError | None = None
    try:
        await restic.unlock()
        result = await restic.run("check", "--quiet", share)
        if result.code != 0:
            problem = problem_of(restic, result)
        history.set_copies(restic.name, await restic.copies())
    except KaizenError as error:
        problem = problem or error
    # A part that could not be read is the next to be read again.
    read = part if problem is None or isinstance(problem, DataError) else part - 1
    history.note_check(restic.name, str(problem) if problem else None, read, stamp())
    if problem:
        raise problem


def problem_of(restic: Restic, result: Result) -> KaizenError:
    """Return what it means that restic's check ended so: DataError where something is damaged."""
    if any(words in result.err for words in _DAMAGE):
        lines = [line.strip() for line in result.err.splitlines() if line.strip()]
        named = [line for line in lines if not line.startswith("Fatal:")]
        return DataError(f"offsite.{restic.name}: it is damaged: {'; '.join(named or lines)[:500]}")
    return restic.failure(result)

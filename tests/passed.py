"""A suite in two runs: what passed in the first is left out of the second.

CI runs the suite without torch, installs torch, and goes on with what was skipped.
"""

from __future__ import annotations

from pathlib import Path


class Passed:
    """Leaves out the tests that a file lists as passed, and adds to it those that pass now.

    A module of tests that all passed is listed by its path alone, and is not collected again: each
    run has to be of the whole suite.
    """

    def __init__(self, path, *, writes):
        self.path, self.writes = Path(path), writes
        self.before = set(self.path.read_text().splitlines()) if self.path.exists() else set()
        self.now, self.unfinished = set(), set()

    def pytest_ignore_collect(self, collection_path, config):
        inside = collection_path.is_relative_to(config.rootpath)
        name = collection_path.relative_to(config.rootpath).as_posix() if inside else None
        return True if name in self.before else None  # None leaves it to others

    def pytest_collection_modifyitems(self, config, items):
        done = [item for item in items if item.nodeid in self.before]
        if done:
            config.hook.pytest_deselected(items=done)
            items[:] = [item for item in items if item.nodeid not in self.before]

    def pytest_runtest_logreport(self, report):
        if report.when == "call" and report.passed:
            self.now.add(report.nodeid)
        elif not report.passed:
            self.unfinished.add(_module(report.nodeid))

    def pytest_sessionfinish(self):
        # Workers report to the main process, which alone sees all tests.
        if self.writes:
            self.path.write_text("".join(f"{name}\n" for name in sorted(self._names())))

    def _names(self):
        for name in self.before | self.now:
            yield name if _module(name) in self.unfinished else _module(name)


def _module(name):
    return name.split("::")[0]

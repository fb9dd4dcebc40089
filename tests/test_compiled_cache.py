"""Damaged files of compiled code, and a disk that is full: the function is compiled anew, and says so once."""

from __future__ import annotations

import importlib.util
import warnings

import numba
import pytest

from xaikit.kernels.compile import Forgiving, kernel

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")

DAMAGE = {"cut": lambda content: content[:20], "empty": lambda content: b"", "garbage": lambda content: b"\xd1" * 400}


@pytest.fixture
def add(tmp_path, monkeypatch):
    """Return a maker of the same function, compiled or read from files in a folder of its own."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(Forgiving, "warned", False)
    place = tmp_path / "added.py"
    place.write_text("def add(a, b):\n    return a + b\n")

    def make():
        spec = importlib.util.spec_from_file_location("added", place)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return kernel(module.add)

    return make


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("ending", ["nbi", "nbc"])
def test_a_damaged_file_is_compiled_anew_and_written_again(add, tmp_path, damage, ending):
    assert add()(1, 2) == 3
    files = list((tmp_path / "cache").rglob(f"*.{ending}"))
    assert files
    for file in files:
        file.write_bytes(DAMAGE[damage](file.read_bytes()))
    with pytest.warns(RuntimeWarning, match=r"could not be read .*compiled anew") as told:
        sums = [add()(1, 2) for _ in range(2)]
    assert sums == [3, 3]
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        healed = add()
        assert healed(1, 2) == 3
    assert sum(healed.stats.cache_hits.values()) == 1


def test_without_a_folder_to_write_every_process_compiles_anew(add, monkeypatch):
    # As where the package's folder and the home are read-only: numba raises while it decorates.
    monkeypatch.setattr(numba.core.caching.CacheImpl, "_locator_classes", [])
    with pytest.warns(RuntimeWarning, match="cannot be kept.*set NUMBA_CACHE_DIR") as told:
        assert [add()(1, 2) for _ in range(2)] == [3, 3]
    assert len(told) == 1


def test_a_full_disk_costs_compiling_again_and_no_more(add, monkeypatch):
    from numba.core.caching import IndexDataCacheFile

    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(IndexDataCacheFile, "_save_data", full)
    with pytest.warns(RuntimeWarning, match=r"could not be written \(OSError: .*No space left"):
        assert add()(1, 2) == 3
    monkeypatch.undo()
    assert add()(1, 2) == 3

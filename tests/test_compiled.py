"""Compiled loops: a cache that cannot be written must cost time only."""

import os
import subprocess
import sys
import textwrap

import pytest

PROGRAM = textwrap.dedent(
    """
    import shutil, sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    import triple
    call = triple.compiled(triple.triple)
    if sys.argv[2] == "lost":
        cache = Path(sys.argv[1]) / "cache"
        shutil.rmtree(cache)
        cache.write_text("a file where the folder was")
    print(call(14), call(0.5))
    """
)


@pytest.mark.parametrize("cache", ["kept", "lost", "impossible"])
def test_a_cache_that_cannot_be_written_is_done_without(cache, tmp_path):
    (tmp_path / "triple.py").write_text(
        "from cardiorisk._compiled import compiled\n\n\ndef triple(x):\n    return 3 * x\n"
    )
    folder = tmp_path / "cache"
    if cache == "impossible":
        folder.write_text("a file where the folder should be")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path, cache],
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["42", "1.5"], done.stderr
    assert bool(list(tmp_path.glob("cache/**/*.nbi"))) == (cache == "kept")

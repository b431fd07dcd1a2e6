"""The peers: their versions, a virtual environment that holds them, and the measuring of a process.

In: a command. Out: what it printed, and what it took. Owns: versions, so that every figure is of the same peers.
"""
import os
import subprocess
import sys
import time
import venv

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
DUCKDB = "2.0.0"
POLARS = "2.1.0"
THREADS = os.cpu_count()


def python_of_peers():
    """A virtual environment of our own with the peers in it."""
    home = os.path.join(ROOT, "target", "bench-venv")
    python = os.path.join(home, "bin", "python")
    if not os.path.exists(python):
        venv.create(home, with_pip=True)
    wanted = f"import duckdb, polars; assert (duckdb.__version__, polars.__version__) == ('{DUCKDB}', '{POLARS}')"
    if subprocess.run([python, "-c", wanted], capture_output=True).returncode != 0:
        subprocess.run([python, "-m", "pip", "install", "--quiet", f"duckdb=={DUCKDB}", f"polars=={POLARS}"], check=True)
    return python


def measure(command):
    """Wall seconds, CPU seconds and peak memory (MiB) of one process, and what it printed."""
    read_end, write_end = os.pipe()
    started = time.monotonic()
    process = os.fork()
    if process == 0:
        os.dup2(write_end, 1)
        os.close(read_end)
        os.execvp(command[0], command)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        printed = pipe.read()
    _, status, usage = os.wait4(process, 0)
    if status != 0:
        sys.exit(f"{command[0]} failed")
    return time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, printed

"""A SLURM cluster of one node on this machine's loopback address, for as long as a test runs.

Debian's packages, daemons started by hand: no systemd, no cgroups, no accounting, a munge key and socket of its own.
Everything lies in one temporary folder, except for two links in ``/etc/slurm``: inside a job, Snakemake's plugin drops
the variables that begin with ``SLURM_``, so `srun` finds its configuration only there.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from debian_packages import Unavailable, install

PACKAGES = {"munged": "munge", "slurmctld": "slurm-wlm", "slurmd": "slurm-wlm"}
PACKAGES |= dict.fromkeys(["sbatch", "srun", "squeue", "scancel", "sinfo"], "slurm-client")
TEMPLATES = Path(__file__).parent
SYSTEM_CONFIGURATION = Path("/etc/slurm")
PREFIX = "leukorepro-slurm-"
MARK = "LEUKOREPRO_CLUSTER_TEST"
"""Environment variable that every process of the cluster, jobs included, inherits; by it they are found again."""


@dataclass(frozen=True)
class Job:
    """A job as the controller remembers it."""

    number: int
    state: str
    """`COMPLETED`, `FAILED`, `CANCELLED`, ..."""
    what: str
    """Rule, and its wildcards."""
    time: str
    """Time that it ran, as `squeue` prints it."""


@dataclass(frozen=True)
class Cluster:
    """A running cluster."""

    folder: Path
    environment: Mapping[str, str]
    """What a program needs to use it."""

    def jobs(self) -> list[Job]:
        """All jobs so far, in the order of submission."""
        answer = self.ask("squeue", "--noheader", "--states=all", "--sort=i", "--format=%i|%T|%k|%M")
        rows = (line.split("|") for line in answer.splitlines())
        return [
            Job(int(number), state, comment.removeprefix("rule_").replace("_wildcards_", " "), time)
            for number, state, comment, time in rows
        ]

    def processes(self) -> list[psutil.Process]:
        """Every running process that was started for this cluster: daemons, jobs, programs that use it."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get(MARK) == str(self.folder) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def listening(self) -> list[str]:
        """Addresses at which these processes accept connections."""
        return sorted(
            {
                f"{connection.laddr.ip}:{connection.laddr.port}"
                for process in self.processes()
                for connection in process.net_connections("inet")
                if connection.status == psutil.CONN_LISTEN
            }
        )

    def ask(self, *command: str) -> str:
        """Output of one of SLURM's commands."""
        return subprocess.run(
            command, env=self.environment, check=True, capture_output=True, text=True, timeout=30
        ).stdout


def install_slurm() -> None:
    """Install Debian's SLURM where it is missing.

    Raises
    ------
    Unavailable
        Not root, or no Debian to install from.
    """
    if os.geteuid() != 0:
        raise Unavailable("a one-node SLURM cluster needs root, for its daemons and for two links in /etc/slurm")
    install(PACKAGES)


@contextmanager
def one_node_cluster(cpus: int) -> Iterator[Cluster]:
    """Start a cluster, and leave nothing of it behind: no process, no link, no folder.

    That holds for a failure, Ctrl-C and SIGTERM; after a SIGKILL the kernel ends the daemons.

    Parameters
    ----------
    cpus : int
        CPUs that the node claims to have.

    Raises
    ------
    Unavailable
        If the machine belongs to a cluster already, or its name is no loopback address.
    """
    host = socket.gethostname().split(".")[0]
    try:
        address = socket.gethostbyname(socket.gethostname())
    except OSError:
        address = "unknown"
    if not address.startswith("127."):
        raise Unavailable(
            f"SLURM listens on the address of this machine's name, which is {address}; "
            f"it must be a loopback address: a line '127.0.0.1 {socket.gethostname()}' in /etc/hosts, before others"
        )
    with ExitStack() as undo:
        undo.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, signal.default_int_handler))
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        undo.callback(shutil.rmtree, folder)
        folder.chmod(0o755)
        _configure(folder, host, address, cpus)
        undo.enter_context(_linked(folder))

        clean = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "SBATCH_", "SRUN_", "SQUEUE_"))}
        cluster = Cluster(folder, {**clean, MARK: str(folder)})
        undo.callback(_end_leftovers, cluster)
        key, munge_socket = folder / "munge.key", folder / "munge.socket"
        munge = ["--foreground", f"--key-file={key}", f"--socket={munge_socket}", f"--pid-file={folder}/munged.pid"]
        munge += [f"--log-file={folder}/munged.log", f"--seed-file={folder}/munged.seed", "--origin=127.0.0.1"]
        undo.enter_context(_daemon(cluster, "munged", *munge))
        _wait(munge_socket.exists, "munged to open its socket", folder)
        undo.enter_context(_daemon(cluster, "slurmctld", "-D", "-c", "-f", str(folder / "slurm.conf")))
        undo.enter_context(_daemon(cluster, "slurmd", "-D", "-f", str(folder / "slurm.conf")))
        _wait(lambda: _state(cluster) == "idle", "the node to become idle", folder)
        undo.callback(_cancel_all, cluster)
        yield cluster


def _configure(folder: Path, host: str, address: str, cpus: int) -> None:
    for name in ("state", "spool"):
        (folder / name).mkdir()
    with socket.socket() as first, socket.socket() as second:
        for free in (first, second):
            free.bind((address, 0))
        configuration = (
            (TEMPLATES / "slurm.conf.in")
            .read_text()
            .format(
                folder=folder,
                host=host,
                address=address,
                slurmctld_port=first.getsockname()[1],
                slurmd_port=second.getsockname()[1],
                cpus=cpus,
                memory_mb=psutil.virtual_memory().total // 2**20,
            )
        )
    (folder / "slurm.conf").write_text(configuration)
    shutil.copy(TEMPLATES / "cgroup.conf", folder)
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(1024))


@contextmanager
def _linked(folder: Path) -> Iterator[None]:
    """Link the configuration into /etc/slurm; a cluster that this machine belongs to is never touched."""
    links = {SYSTEM_CONFIGURATION / name: folder / name for name in ("slurm.conf", "cgroup.conf")}
    lock = os.open(SYSTEM_CONFIGURATION, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unavailable("another test cluster is running on this machine") from None
        for link in links:
            if link.is_symlink() and link.readlink().parent.name.startswith(PREFIX):
                shutil.rmtree(link.readlink().parent, ignore_errors=True)
                link.unlink()  # a killed test left both: nobody holds the lock
            elif link.is_symlink() or link.exists():
                raise Unavailable(f"{link} exists: this machine belongs to a SLURM cluster; use another one")
        try:
            for link, target in links.items():
                link.symlink_to(target)
            yield
        finally:
            for link in links:
                link.unlink(missing_ok=True)
    finally:
        os.close(lock)


@contextmanager
def _daemon(cluster: Cluster, *command: str) -> Iterator[None]:
    """Run a daemon in the foreground; it is told to end when we leave, and when this process dies."""
    with (cluster.folder / f"{command[0]}.out").open("wb") as output:
        daemon = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *command],
            env=cluster.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us; we end the daemons in their order
        )
    try:
        yield
    finally:
        daemon.terminate()
        try:
            daemon.wait(timeout=15)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


def _state(cluster: Cluster) -> str:
    try:
        return cluster.ask("sinfo", "--noheader", "--format=%t").strip()
    except subprocess.CalledProcessError:
        return "no answer"


def _cancel_all(cluster: Cluster) -> None:
    """Cancel what is left in the queue, so that no job outlives the daemons."""
    cluster.ask("scancel", "--partition=main")
    _wait(lambda: not cluster.ask("squeue", "--noheader"), "cancelled jobs to end", cluster.folder)


def _end_leftovers(cluster: Cluster) -> None:
    """End processes that outlived the daemons, and wait until they are gone."""
    left = cluster.processes()
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=10)
    if left := cluster.processes():
        raise RuntimeError(f"processes of the test cluster still run: {left}")


def _wait(condition: Callable[[], bool], what: str, folder: Path, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            logs = "\n".join(f"--- {f.name}\n{f.read_text()[-3000:]}" for f in sorted(folder.glob("*.out")))
            raise TimeoutError(f"waited {seconds:.0f} s for {what}\n{logs}")
        time.sleep(0.1)

"""How the computer comes to an interpreter and to umqtt.simple."""

import hashlib
import io
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from leafhub_tools import bringing, debian, micropython
from leafhub_tools.micropython import SHELF

SOURCE = b"class MQTTClient: ...\n"


def _archive(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package index in a folder, with one page; the cache is empty."""
    page = tmp_path / "simple" / "micropython-umqtt-simple"
    page.mkdir(parents=True)
    monkeypatch.setenv("PIP_INDEX_URL", f"file://{tmp_path}/simple")
    monkeypatch.setenv("LEAFHUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PIP_CERT", raising=False)
    return page


def _offer(index: Path, archive: bytes) -> None:
    """Put ``archive`` on the index, beside another version."""
    name = f"micropython-umqtt.simple-{micropython.UMQTT_VERSION}.tar.gz"
    files = index.parents[1] / "files"
    files.mkdir()
    (files / name).write_bytes(archive)
    (index / "index.html").write_text(
        '<a href="../../files/micropython-umqtt.simple-1.1.tar.gz">1.1</a><br>'
        f'<a href="../../files/{name}#sha256=00">this one</a>'
    )


def test_umqtt_comes_from_the_index_and_is_kept(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = _archive(
        f"micropython-umqtt.simple-{micropython.UMQTT_VERSION}/umqtt/simple.py", SOURCE
    )
    _offer(index, archive)
    monkeypatch.setattr(micropython, "UMQTT_SHA256", hashlib.sha256(archive).hexdigest())
    folder = micropython.umqtt()
    assert (folder / "umqtt" / "simple.py").read_bytes() == SOURCE
    (index / "index.html").unlink()  # not asked a second time
    assert micropython.umqtt() == folder


def test_file_with_another_digest_is_refused(index: Path) -> None:
    _offer(index, _archive("x", SOURCE))
    with pytest.raises(bringing.BringError, match="is not the file it should be"):
        micropython.umqtt()
    assert not list(bringing.cache_folder(SHELF).glob("umqtt-*/"))


def test_index_without_the_version_is_told(index: Path) -> None:
    (index / "index.html").write_text('<a href="other-1.0.tar.gz">other</a>')
    with pytest.raises(bringing.BringError, match=r"has no micropython-.* set PIP_INDEX_URL"):
        micropython.umqtt()


def test_index_that_does_not_answer_is_told(index: Path) -> None:
    assert not (index / "index.html").exists()
    with pytest.raises(bringing.BringError, match=r"could not fetch file:.* PIP_INDEX_URL"):
        micropython.umqtt()


def test_half_made_folder_is_never_seen(index: Path) -> None:
    assert index.is_dir()

    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise bringing.BringError("no")

    with pytest.raises(bringing.BringError):
        bringing.bring(SHELF, "thing", "half", fail)
    assert [path.name for path in bringing.cache_folder(SHELF).iterdir()] == ["thing.lock"]


def test_folder_that_lost_what_is_wanted_is_made_anew(index: Path) -> None:
    assert index.is_dir()
    (bringing.cache_folder(SHELF) / "thing" / "rest").mkdir(parents=True)
    made = bringing.bring(SHELF, "thing", "whole", lambda folder: (folder / "whole").touch())
    assert made.is_file()


@pytest.mark.parametrize(("beside", "kept"), [("my-cache", True), ("my cache", False)])
def test_work_is_done_where_make_can_do_it(tmp_path: Path, beside: str, kept: bool) -> None:  # noqa: FBT001 - a parameter
    (tmp_path / beside).mkdir()
    with bringing.work_folder(tmp_path / beside) as work:
        assert work.is_dir()
        assert " " not in str(work)
        assert (work.parent == tmp_path / beside) is kept
    assert not work.exists()


def test_left_over_of_a_killed_process_is_removed(index: Path) -> None:
    left_over = bringing.cache_folder(SHELF) / ".thing-abc"
    left_over.mkdir(parents=True)
    assert index.is_dir()
    made = bringing.bring(SHELF, "thing", "whole", lambda folder: (folder / "whole").touch())
    assert made.is_file()
    assert not left_over.exists()


def test_two_at_once_make_it_once(index: Path) -> None:
    assert index.is_dir()
    made = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "whole").touch()

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: bringing.bring(SHELF, "thing", "whole", make), range(8)))
    assert len(set(results)) == 1
    assert len(made) == 1


def test_unpacked_program_needs_nothing_else_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    wrapper = folder / "hello"
    wrapper.write_text(
        debian._WRAPPER.format(loader="ld", libraries="lib", binary="root/usr/bin/hello")
    )
    wrapper.chmod(0o755)
    loader = folder / "ld"
    loader.write_text('#!/bin/sh\necho "$@"\n')
    loader.chmod(0o755)
    (tmp_path / "hello").symlink_to(wrapper)
    monkeypatch.setenv("PATH", "")
    printed = bringing.run("try it", [str(tmp_path / "hello"), "you"])
    assert printed == f"--library-path {folder}/lib {folder}/root/usr/bin/hello you\n"


def test_installed_interpreter_is_the_last_way(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, micropython_interpreter: Path
) -> None:
    assert index.is_dir()
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "micropython").symlink_to(micropython_interpreter)
    monkeypatch.setenv("PATH", str(programs))
    found = micropython.interpreter()
    assert found.resolve() == micropython_interpreter.resolve()


def test_interpreter_that_is_too_old_is_told_with_the_cure(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert index.is_dir()
    programs = tmp_path / "bin"
    programs.mkdir()
    old = programs / SHELF
    old.write_text("#!/bin/sh\necho 1 22\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(bringing.BringError) as caught:
        micropython.interpreter()
    told = str(caught.value)
    assert "there is no make on this computer" in told
    assert "this MicroPython is 1.22; 1.24 is needed" in told
    assert "apt-get install gcc" in told
    assert "brew install micropython" in told


def test_mirror_is_the_one_this_computer_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAFHUB_DEBIAN_MIRROR", "http://mirror.example/debian")
    assert debian.mirror() == "http://mirror.example/debian"
    monkeypatch.delenv("LEAFHUB_DEBIAN_MIRROR")
    assert debian.mirror().startswith("http")


def test_command_prints_the_paths(micropython_interpreter: Path, umqtt_folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "leafhub_tools.micropython"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [str(micropython_interpreter), str(umqtt_folder)]


def test_interpreter_has_what_the_firmware_needs(micropython_interpreter: Path) -> None:
    program = "import tls, sys; print(tls.CERT_REQUIRED, sys.implementation.version >= (1, 24))"
    printed = bringing.run("try it", [str(micropython_interpreter), "-c", program])
    assert printed == "2 True\n"

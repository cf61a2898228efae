from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from thunes import errors, settings
from thunes.cli.app import EXIT_CODES, app, main

HEAVY = {"vectorbt", "numba", "plotly", "polars", "pandas", "numpy", "optuna"}
ERRORS = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, errors.ThunesError)]


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own."""
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, env=os.environ | environment
    )


def thunes(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return python("-m", "thunes", *arguments, **environment)


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that call it."""
    for name, command in (group or typer.main.get_command(app)).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let `thunes settings` fail with an error."""

    def fail() -> None:
        raise error

    monkeypatch.setattr(settings, "load_with_origins", fail)


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_becomes_one_line_on_stderr_and_its_exit_code(
    kind: type[errors.ThunesError], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    more = {"retry_after": 1.0} if kind is errors.RateLimited else {}
    failing(monkeypatch, kind("E-CODE", "it\nbroke.", "Mend it.", **more))
    assert main(["settings", "--json"]) == kind.exit_code
    assert capsys.readouterr() == ("", "✗ it broke. Mend it. [E-CODE]\n")


def test_a_file_that_the_system_refuses_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, PermissionError(13, "Permission denied", "store/manifest.json"))
    assert main(["settings"]) == 4
    assert capsys.readouterr() == ("", "✗ store/manifest.json: Permission denied. [E-FILE]\n")


def test_no_control_byte_reaches_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, errors.DataError("E-CODE", "column a\x1b[31mb."))
    assert main(["settings"]) == 4
    assert capsys.readouterr().err == "✗ column a?[31mb. [E-CODE]\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full here")
@pytest.mark.parametrize(
    ("to", "code", "said"),
    [
        (">/dev/full", 1, "✗ cannot write the output: No space left on device. [E-OUTPUT]\n"),
        (">&-", 0, ""),
        ("2>&-", 0, ""),
    ],
)
def test_an_output_that_takes_nothing_is_no_crash(to: str, code: int, said: str) -> None:
    command = f"{sys.executable} -m thunes settings --json {to}"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, said)


def test_the_help_names_every_exit_code_an_error_can_have() -> None:
    named = {int(code) for code in re.findall(r"(\d+) \w", EXIT_CODES)}
    assert {e.exit_code for e in ERRORS} | {0, 130} <= named


def test_debug_shows_the_traceback_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    failing(monkeypatch, errors.DataError("E-CODE", "it broke."))
    assert main(["--debug", "settings"]) == 4
    talk = capsys.readouterr().err
    assert talk.startswith("Traceback")
    assert talk.endswith("✗ it broke. [E-CODE]\n")


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        main(["settings"])


def test_an_interrupt_is_one_line_and_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    failing(monkeypatch, KeyboardInterrupt())
    assert main(["settings"]) == 130
    assert capsys.readouterr() == ("", "✗ interrupted. [E-INTERRUPTED]\n")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["setings"], "No such command 'setings'. Did you mean 'settings', 'positions'? See 'thunes --help'."),
        (["settings", "--jsn"], "No such option: --jsn (Possible options: --json). See 'thunes settings --help'."),
        (["settings", "now"], "Got unexpected extra argument(s) (now). See 'thunes settings --help'."),
    ],
)
def test_a_wrong_command_line_is_one_line_and_2(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr() == ("", f"✗ {line} [E-USAGE]\n")


def test_a_warning_is_one_line_on_stderr() -> None:
    done = thunes("settings", MAX_POSITION="1")
    assert done.stderr == "! environment variable MAX_POSITION is not a setting (did you mean MAX_POSITIONS?).\n"


def test_without_a_command_it_prints_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "Usage: thunes" in capsys.readouterr().out


def test_a_stream_that_cannot_encode_gets_ascii() -> None:
    done = thunes("x", PYTHONIOENCODING="ascii")
    assert done.returncode == 2
    assert done.stderr.startswith("x No such command 'x'.")


@pytest.mark.parametrize("arguments", [["--help"], ["settings"], ["settings", "--json"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_gone_is_met_with_silence(arguments: list[str], unbuffered: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "thunes", *arguments]
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False, env=environment)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


def test_no_help_page_imports_a_heavy_library() -> None:
    pages = [["--help"], *([*path, "--help"] for path, _ in commands())]
    code = f"import sys\nfrom thunes.cli.app import main\nfor page in {pages}: assert main(page) == 0\n"
    done = python("-c", code + f"print('loaded:', sorted({HEAVY} & set(sys.modules)))")
    assert done.stdout.endswith("loaded: []\n"), done.stderr


def test_every_command_gives_an_example_and_takes_json() -> None:
    for path, command in commands():
        assert "Example" in command.help, path
        assert "--json" in [option for parameter in command.params for option in parameter.opts], path


def test_the_shell_can_complete_a_command() -> None:
    words = {"_THUNES_COMPLETE": "complete_bash", "COMP_WORDS": "thunes set", "COMP_CWORD": "1"}
    done = thunes(**words)
    assert done.stdout.split() == ["settings"]


def test_version_as_json_names_the_libraries(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["kind"], printed["schema"]) == ("version", 1)
    assert {"thunes", "python", "numpy", "polars", "numba", "vectorbt"} == set(printed["versions"])


def test_version_says_what_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("thunes.research.provenance.LIBRARIES", ("numpy", "no-such-library"))
    assert main(["version"]) == 0
    assert capsys.readouterr().out.endswith("\nno-such-library not installed\n")

"""The command as a Unix program: real processes that are stopped, cut off, and print too much."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and descriptors of POSIX")

MODELS = '''
import os, sys, time
import numpy as np

def linear(X):
    return 2.0 * X["a"].to_numpy(dtype=float) + X["b"].to_numpy(dtype=float)

def chatty(X):
    print("hello from Python")
    os.write(1, b"hello from below\\n")
    os.system("echo hello from a child")
    return linear(X)

def leaves(X):
    sys.exit(0)

def moves(X):
    os.chdir("/")
    return linear(X)

def shouts(X):
    raise ValueError("two\\nlines in \\x1b[31mred")

def slow(X):
    open("asked", "a").close()
    time.sleep(0.05)
    return linear(X)
'''


@pytest.fixture
def place(tmp_path):
    (tmp_path / "mine.py").write_text(MODELS)
    pd.DataFrame({"a": range(40), "b": [1, 5, 2, 8] * 10}).to_csv(tmp_path / "t.csv", index=False)
    return tmp_path


def command(model, *more):
    return [sys.executable, "-m", "xaikit", "explain", "--model", f"mine:{model}", "--data", "t.csv",
            "--background", "t.csv", *more]


def run(place, argv, **how):
    return subprocess.run(argv, cwd=place, capture_output=True, text=True, timeout=400, check=False, **how)


def start(place, argv):
    return subprocess.Popen(argv, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            start_new_session=True)


def wait_for(path):
    for _ in range(1200):
        if path.exists():
            return
        time.sleep(0.05)
    raise AssertionError(f"{path} did not appear")


@pytest.mark.parametrize(("number", "status", "word"), [
    (signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")])
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_signal_ends_with_one_line_and_its_status(place, number, status, word, jobs):
    (place / "why.json").write_text("old")
    process = start(place, command("slow", "--method", "lime", "--output", "why.json", "--n-jobs", jobs))
    try:
        wait_for(place / "asked")
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
    assert process.returncode == status
    assert out == ""
    assert err.splitlines()[-1].endswith(f"xaikit: {word}; what was not written yet is lost, and no file "
                                         "is half-written.")
    assert "Traceback" not in err
    assert (place / "why.json").read_text() == "old"
    assert not list(place.glob(".xaikit-*"))


def test_a_reader_that_leaves_is_no_error(place):
    done = subprocess.run(f"{' '.join(command('linear'))} | head -n 1; echo ${{PIPESTATUS[0]}}",
                          cwd=place, shell=True, executable="/bin/bash", capture_output=True, text=True,
                          timeout=400, check=False)
    assert done.stdout.splitlines() in (["row,feature,data,output,value,standard_error", "141"],
                                        ["row,feature,data,output,value,standard_error", "0"])
    assert "Broken" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_has_left_before_is_no_error(place):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(command("linear"), cwd=place, stdout=writer, stderr=subprocess.PIPE, text=True,
                              timeout=400, check=False)
    finally:
        os.close(writer)
    assert done.returncode == 141
    assert "Broken" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("redirect", "words"), [
    (">&-", "cannot write to stdout: it is closed; send it to a file or to /dev/null."),
    ("> /dev/full", "cannot write to stdout: No space left on device")])
def test_output_that_cannot_be_written_is_an_error(place, redirect, words):
    if "full" in redirect and not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    done = run(place, ["/bin/sh", "-c", f"{' '.join(command('linear'))} {redirect}"])
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_what_the_model_prints_is_no_data(place, jobs):
    plain, chatty = (run(place, command(model, "--n-jobs", jobs)) for model in ("linear", "chatty"))
    assert chatty.returncode == 0
    assert chatty.stdout == plain.stdout
    assert chatty.stdout.startswith("row,feature,")
    for words in ("hello from Python", "hello from below", "hello from a child"):
        assert words in chatty.stderr


def test_data_is_utf8_whatever_the_locale(place):
    pd.DataFrame({"a": range(9), "b": ["Köln", "Ulm", "東京"] * 3}).to_csv(place / "t.csv", index=False)
    (place / "mine.py").write_text("def towns(X):\n    return X['b'].str.len().astype(float) + X['a']\n")
    for names in ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"PYTHONIOENCODING": "ascii"}):
        done = subprocess.run(command("towns"), cwd=place, env=os.environ | names, capture_output=True,
                              timeout=400, check=False)
        assert done.returncode == 0, done.stderr
        assert "東京" in done.stdout.decode("utf8")


@pytest.mark.parametrize(("spec", "status", "words"), [
    ("mine:leaves", 1, "the model failed on a DataFrame"), ("leaving:f", 2, "importing 'leaving' failed: SystemExit(0)"),
    ("lacking:f", 2, "importing 'lacking' failed: No module named 'nothere'"),
    ("mine:shouts", 1, "two lines in  [31mred")])
def test_a_model_that_ends_the_program_or_fails_is_one_sentence(place, spec, status, words):
    (place / "leaving.py").write_text("import sys\nsys.exit(0)\n")
    (place / "lacking.py").write_text("import nothere\n")
    argv = command("linear")
    argv[argv.index("mine:linear")] = spec
    done = run(place, argv)
    assert done.returncode == status
    assert done.stdout == ""
    assert words in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_model_that_leaves_the_folder_does_not_take_the_file_along(place):
    for model in ("linear", "moves"):
        done = run(place, command(model, "--output", f"{model}.csv"))
        assert done.returncode == 0, done.stderr
    assert (place / "moves.csv").read_text() == (place / "linear.csv").read_text()


def test_a_path_that_cannot_be_written_is_found_before_any_work(place):
    (place / "folder.csv").mkdir()
    for output, words in (("folder.csv", "Is a directory"), ("t.csv/x.csv", "Not a directory"),
                          ("/dev/null", "expected a folder"), ("no/why.csv", "No such file or directory")):
        done = run(place, command("slow", "--output", output))
        assert done.returncode == 2
        assert words in done.stderr.splitlines()[-1]
        assert not (place / "asked").exists()


def test_an_input_is_not_overwritten(place):
    before = (place / "t.csv").read_bytes()
    done = run(place, command("slow", "--output", "t.csv"))
    assert done.returncode == 2
    assert "--output t.csv would overwrite --data; choose another file." in done.stderr
    assert (place / "t.csv").read_bytes() == before
    assert not (place / "asked").exists()


@pytest.mark.parametrize(("more", "words"), [
    (["--seed", "-1"], "random_state"), (["--n-jobs", "0"], "n_jobs"), (["--delimiter", "ab"], "delimiter must be"),
    (["--encoding", "nope"], "encoding must be"), (["--groups", "g=a", "g=b"], "--groups names 'g' twice")])
def test_settings_are_refused_before_the_model_is_imported(place, more, words):
    (place / "mine.py").write_text("open('asked', 'a').close()\n" + MODELS)
    done = run(place, command("linear", *more))
    assert done.returncode == 2
    assert words in done.stderr.splitlines()[-1]
    assert not (place / "asked").exists()


@pytest.mark.parametrize(("more", "least"), [
    (["--budget", "50"], "raise the budget to 81 or more"), (["--budget", "3", "--method", "lime"], "takes at least 4")])
def test_a_budget_that_is_too_small_is_refused_before_the_model_is_imported(place, more, least):
    (place / "mine.py").write_text("open('asked', 'a').close()\n" + MODELS)
    done = run(place, command("linear", *more))
    assert done.returncode == 2
    assert least in done.stderr.splitlines()[-1]
    assert not (place / "asked").exists()
    assert run(place, command("linear", "--budget", "200", "--groups", "g=a,b")).returncode == 0


def test_a_column_is_named_by_one_option(place):
    done = run(place, command("linear", "--drop", "a", "--drop", "a"))
    assert done.returncode == 2
    assert "column 'a' is named by two of --target, --weights and --drop." in done.stderr


def test_help_is_written_in_ascii(place):
    for name in ("demo", "report", "explain", "importance", "doctor"):
        done = run(place, [sys.executable, "-m", "xaikit", name, "--help"], env=os.environ | {"PYTHONIOENCODING": "ascii"})
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_that_a_module_catches_ends_the_command_all_the_same(place, number, status):
    (place / "catching.py").write_text(
        "import time\ntry:\n    open('asked', 'a').close()\n    time.sleep(60)\nexcept BaseException:\n    pass\n"
        "def f(X):\n    return X['a']\n")
    argv = command("linear", "--output", "why.json")
    argv[argv.index("mine:linear")] = "catching:f"
    process = start(place, argv)
    try:
        wait_for(place / "asked")
        process.send_signal(number)
        process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
    assert process.returncode == status
    assert not (place / "why.json").exists()


def test_a_signal_in_an_import_that_runs_text_ends_with_its_status(place):
    (place / "waiting.py").write_text("exec('open(\"asked\", \"a\").close()\\nimport time\\ntime.sleep(60)')\n")
    argv = command("linear")
    argv[argv.index("mine:linear")] = "waiting:f"
    process = start(place, argv)
    try:
        wait_for(place / "asked")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
    assert process.returncode == 130
    assert err.splitlines()[-1].startswith("xaikit: interrupted; ")


def test_a_forecast_comes_first_and_settings_reach_the_method(place):
    done = run(place, command("linear", "--outputs", "output", "--groups", "both=a,b", "--link", "identity",
                              "--tol", "0.5", "--max-seconds", "60", "--output", "why.json"))
    assert done.returncode == 0, done.stderr
    said = done.stderr.splitlines()
    first = next(k for k, line in enumerate(said) if line.startswith("xaikit: Forecast: at most "))
    assert first < next(k for k, line in enumerate(said) if " model rows in " in line and "Forecast" not in line)
    state = json.loads((place / "why.json").read_text())
    assert "both" in json.dumps(state)


@pytest.mark.parametrize("argv", [["--tol", "0"], ["--tol", "x"], ["--max-seconds", "-1"], ["--groups", "a,b"],
                                  ["--groups", "=a"], ["--groups", "g="], ["--link", "log"], ["--budget", "0"]])
def test_settings_that_make_no_sense_are_refused_before_any_work(place, argv):
    done = run(place, command("slow", *argv))
    assert done.returncode == 2
    assert f"argument {argv[0]}: " in done.stderr
    assert not (place / "asked").exists()


@pytest.mark.parametrize(("method", "option"), [
    ("lime", ["--link", "logit"]), ("occlusion", ["--tol", "0.1"]), ("lime", ["--max-seconds", "3"])])
def test_settings_that_a_method_does_not_have_are_refused(place, method, option):
    done = run(place, command("slow", "--method", method, *option))
    assert done.returncode == 2
    assert f"{option[0]} cannot be used with --method {method}" in done.stderr
    assert not (place / "asked").exists()


@pytest.mark.parametrize("name", ["demo", "report", "explain", "importance", "doctor"])
def test_help_shows_meanings_defaults_and_two_examples(place, name):
    done = run(place, [sys.executable, "-m", "xaikit", name, "--help"])
    assert done.returncode == 0
    options = done.stdout.split("options:")[1].split("examples:")[0]
    blocks = [block for block in options.split("\n  -")[2:] if block.strip()]
    for block in blocks:
        text = " ".join(block.split())
        required = text.startswith(("-model", "-data", "-background")) and "default" not in text
        assert required or "(default: " in text, text
    assert done.stdout.split("examples:")[1].count("xaikit ") == 2

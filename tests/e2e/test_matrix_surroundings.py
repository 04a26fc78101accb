"""Surroundings that no one thought of (row D9 of the disk): umask, locale, HOME, streams that are
closed, few descriptors."""

import json
import os
import resource
import stat
import subprocess

from harness import DP, SCALE, Skip
from sweep import bytes_of, legal, twin
from test_matrix_files import DP_NAME, little
from test_matrix_power import numbered


def modes_below(*roots):
    found = {}
    for root in roots:
        for folder, folders, names in os.walk(root):
            for name in [".", *folders, *names]:
                path = os.path.join(folder, name)
                key = os.path.join(os.path.basename(root), os.path.relpath(path, root))
                found[key] = stat.S_IMODE(os.lstat(path).st_mode)
    return found


def in_surroundings(scene, name, env=None, **options):
    """A run with other surroundings and folders of its own: the modes of all files."""
    machine = twin(scene, name)
    there = machine.environment()
    for key, value in (env or {}).items():
        there.pop(key, None)
        if value is not None:
            there[key] = value
    command = machine.command("get", "PS100001", "--json", *machine.MACHINE, *machine.places())
    done = subprocess.run(command, env=there, cwd=machine.folder, timeout=60, check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, **options)
    assert done.returncode == 0, "%s: exit %s: %s" % (name, done.returncode, done.stderr)
    (content,) = machine.contents.values()
    machine.check_cache()
    assert machine.has(content), name
    return modes_below(machine.path("cache"), machine.path("state"), machine.path("logs"))


def test_d9_umask(scene):
    """Files and folders get the same modes whatever the umask."""
    little(scene)
    want = in_surroundings(scene, "usual", umask=0o022)
    for mask in (0, 0o077, 0o777 if os.getuid() == 0 else 0o027):
        got = in_surroundings(scene, "umask-%o" % mask, umask=mask)
        differ = {key: "%o, not %o" % (got.get(key, 0), want.get(key, 0))
                  for key in got.keys() | want.keys() if got.get(key) != want.get(key)}
        assert not differ, "umask %o: %s" % (mask, differ)
    assert not any(mode & 0o022 for mode in want.values()), want


def test_d9_locale(scene):
    """Locales that do not exist, that are no UTF-8, that write numbers otherwise."""
    little(scene)
    want = in_surroundings(scene, "usual")
    for number, name in enumerate(("", "C", "tr_TR.UTF-8", "de_DE.UTF-8", "zz_ZZ.bad", "../../x",
                                   "C.ISO-8859-1", "x" * 5000)):
        got = in_surroundings(scene, "locale%d" % number,
                              env={"LANG": name, "LC_ALL": name, "LANGUAGE": name})
        assert got == want, name


def test_d9_no_home(scene):
    """No HOME, one that is not there, no folder for temporary files, no such time zone."""
    little(scene)
    want = in_surroundings(scene, "usual")
    for number, env in enumerate(({"HOME": None}, {"HOME": ""}, {"HOME": "/not/there"},
                                  {"HOME": None, "XDG_RUNTIME_DIR": None, "LANG": None},
                                  {"TMPDIR": "/not/there", "TZ": "Nowhere/Else"})):
        assert in_surroundings(scene, "home%d" % number, env=env) == want, env


def test_d9_closed_streams(scene):
    """stdin, stdout, stderr closed, one by one and together: no file is written to in their
    stead."""
    little(scene)
    want = in_surroundings(scene, "usual")
    for number, closing in enumerate(("<&-", ">&-", "2>&-", "<&- >&-", "<&- 2>&-", ">&- 2>&-",
                                      "<&- >&- 2>&-")):
        machine = twin(scene, "closed%d" % number)
        command = machine.command("get", "PS100001", "--json", *machine.MACHINE,
                                  *machine.places())
        done = subprocess.run(["sh", "-c", 'exec "$@" ' + closing, "sh", *command], cwd="/",
                              env=machine.environment(), capture_output=True, timeout=60,
                              check=False)
        # What cannot be printed may be a failure; what was fetched is whole all the same.
        printable = ">&-" not in closing.replace("2>&-", "")
        assert done.returncode in ((0,) if printable else (0, 1)), (closing, done)
        machine.check_cache()
        assert machine.has(next(iter(machine.contents.values()))), closing
        for key, mode in modes_below(machine.path("cache"), machine.path("state"),
                                     machine.path("logs")).items():
            assert want.get(key) == mode, (closing, key)
        text = machine.log_text()
        assert '"result"' not in text and "nearpoint: " not in text, "into a log: " + closing


def test_d9_full_output(scene):
    """stdout is /dev/full: said, and what was fetched is whole."""
    content = little(scene)
    machine = twin(scene, "full")
    command = machine.command("get", "PS100001", "--json", *machine.MACHINE, *machine.places())
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, env=machine.environment(), stdout=full, timeout=60,
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
                              cwd=machine.folder)
    assert done.returncode == 1 and done.stderr.startswith(b"nearpoint: "), done
    machine.check_cache()
    assert machine.has(content)


def test_d9_few_descriptors(scene):
    """A low limit on descriptors: it works, or says so and blames no DP; never half."""
    if SCALE > 1:
        raise Skip("sanitizers take descriptors of their own")
    content = scene.content({"f%02d" % i: numbered(20000, i) for i in range(40)})
    data = bytes_of(content)
    scene.policy(content, [DP(DP_NAME, scene.nginx().url)])
    outcomes, blames = {}, set()
    for limit in (256, 64, 48, 32, 28, 24, 20, 16, 14, 12, 10, 8):
        machine = twin(scene, "limit%d" % limit)
        command = machine.command("get", "PS100001", "--json", *machine.MACHINE, *machine.places())

        def lower():
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        done = subprocess.run(command, env=machine.environment(), capture_output=True, timeout=60,
                              stdin=subprocess.DEVNULL, preexec_fn=lower, check=False,
                              cwd=machine.folder)
        outcomes[limit] = done.returncode
        if done.stdout and done.returncode == 1:
            found = json.loads(done.stdout)
            blames.update((limit, error["code"], error["blame"]) for source in found["sources"]
                          for error in source["errors"])
        assert done.returncode in (0, 1, 3), (limit, done)
        assert done.returncode == 0 or done.stderr.startswith(b"nearpoint: "), (limit, done)
        legal(machine, content, data)
        result = machine.get()
        assert result.code == 0 and machine.has(content), (limit, str(result))
    print(outcomes, blames)
    assert not [row for row in blames if row[2] == "source"], blames
    assert outcomes[64] == 0 and outcomes[256] == 0, outcomes
    assert 0 < sum(code != 0 for code in outcomes.values()), "none was too low: %s" % outcomes

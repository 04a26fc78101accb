"""make deps, make install, make demo."""

import glob
import os
import subprocess

import harness
from harness import ROOT, Skip

# Packages with servers among what the tests need, and what Debian would start of them.
SERVERS = {"nginx-light": ("nginx",), "lighttpd": ("lighttpd",),
           "apache2": ("apache2", "apache-htcacheclean"), "krb5-kdc": ("krb5-kdc",),
           "krb5-admin-server": ("krb5-admin-server",), "tinyproxy": ("tinyproxy",),
           "nsd": ("nsd",)}
STUB = """#!/bin/sh
echo "$(basename "$0") $*" >>"$CALLS"
"""
# Stands for apt-get: notes whether a maintainer script could have started a service.
APT = STUB + """
if [ "$2" = -y ] || [ "$3" = install ]; then
    /usr/sbin/policy-rc.d nginx start; echo "policy-rc.d says $?" >>"$CALLS"
    echo "frontend $DEBIAN_FRONTEND, runlevel $RUNLEVEL" >>"$CALLS"
fi
"""


def script(path, text):
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, 0o755)


def install_packages(scene, before):
    """Runs deps' root part with stubs where /usr/sbin is: what was called, what is left there."""
    sbin = scene.path("sbin")
    os.makedirs(sbin)
    calls = scene.path("calls")
    script(sbin + "/apt-get", APT)
    for name in ("update-rc.d", "deb-systemd-helper"):
        script(os.path.join(sbin, name), STUB)
    if before:
        script(sbin + "/policy-rc.d", before)
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c",
         'mount --bind "$1" /usr/sbin && shift && exec "$@"', "sh", sbin, "bash",
         os.path.join(ROOT, "tests/deps"), "--as-root", *SERVERS, "gcc"],
        env={"PATH": "/usr/sbin:/usr/bin:/bin", "CALLS": calls}, capture_output=True, text=True,
        check=False)
    if "unshare" in done.stderr or "mount" in done.stderr:
        raise Skip("no name space of our own: " + done.stderr.strip())
    assert done.returncode == 0, done.stderr
    with open(calls) as file:
        return file.read(), sbin


def test_deps_start_nothing(scene):
    """While packages are installed no service may start; servers are disabled afterwards."""
    calls, sbin = install_packages(scene, before=None)
    assert "policy-rc.d says 101" in calls, calls
    assert "frontend noninteractive, runlevel 1" in calls, calls
    assert "--no-install-recommends install %s gcc" % " ".join(SERVERS) in calls, calls
    for service in sum(SERVERS.values(), ()):
        assert "update-rc.d %s disable" % service in calls, calls
        assert "deb-systemd-helper disable %s.service" % service in calls, calls
    assert "gcc disable" not in calls
    assert not os.path.exists(sbin + "/policy-rc.d"), "ours was left there"


def test_deps_put_back(scene):
    """An administrator's policy-rc.d stands there again afterwards."""
    calls, sbin = install_packages(scene, before="#!/bin/sh\nexit 7\n")
    assert "policy-rc.d says 101" in calls, calls
    with open(sbin + "/policy-rc.d") as file:
        assert file.read() == "#!/bin/sh\nexit 7\n"
    assert glob.glob(sbin + "/policy-rc.d.*") == []


def test_deps_change_nothing(scene):
    """Nothing missing: neither apt-get nor sudo is called."""
    tools = scene.path("bin")
    os.makedirs(tools)
    calls = scene.path("calls")
    for name in ("apt-get", "sudo"):
        script(os.path.join(tools, name), STUB)
    done = subprocess.run(["bash", os.path.join(ROOT, "tests/deps"), "build", "tests"],
                          env={"PATH": tools + ":" + harness.PATH, "CALLS": calls},
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not os.path.exists(calls), done


def enabled(service):
    links = glob.glob("/etc/systemd/system/*.wants/%s.service" % service)
    return links + glob.glob("/etc/rc[2345].d/S??%s" % service)


def test_servers_are_not_enabled(scene):
    """What deps installed on this machine is not started at boot, and does not run."""
    del scene
    for service, pid_file in (("nginx", "/run/nginx.pid"), ("nsd", "/run/nsd/nsd.pid")):
        if enabled(service):
            raise Skip("%s is enabled here: it was there before" % service)
        assert not os.path.exists(pid_file), "the system's %s runs" % service


def make(scene, target, *variables):
    done = subprocess.run(["make", "-C", ROOT, "--no-print-directory", target,
                           "BUILD=" + os.path.relpath(os.path.dirname(harness.program()[-1]), ROOT),
                           *variables], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return scene.path("root")


def listing(folder):
    return sorted(os.path.relpath(os.path.join(where, name), folder)
                  for where, _, names in os.walk(folder) for name in names)


def test_install_and_uninstall(scene):
    """install honours DESTDIR and PREFIX; uninstall removes just what it brought."""
    if harness.SCALE > 1:
        raise Skip("the plain build is what is installed")
    variables = ["DESTDIR=" + scene.path("root"), "PREFIX=/opt/np"]
    scene.write("root/opt/np/bin/other", "mine")
    root = make(scene, "install", *variables)
    found = listing(root)
    assert "opt/np/bin/nearpoint" in found and "opt/np/share/man/man1/nearpoint.1" in found, found
    assert os.stat(root + "/opt/np/bin/nearpoint").st_mode & 0o777 == 0o755
    make(scene, "uninstall", *variables)
    assert listing(root) == ["opt/np/bin/other"], listing(root)


def test_demo(scene):
    """The demo works for each office, says what to try next, and leaves nothing behind."""
    for machine in ("london", "hq", "paris"):
        done = subprocess.run(
            ["bash", os.path.join(ROOT, "tests/demo")], capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=110, check=False,
            env=dict(scene.environment(), NEARPOINT=harness.program()[-1], MACHINE=machine,
                     TMPDIR=scene.folder))
        assert done.returncode == 0, done.stdout + done.stderr
        for words in ("AllowCloudDP = True", "beaten", '"bytesFromNetwork": 0', "Try next",
                      "-> contosocontent.blob.contoso.test -> 127.0.0.1", "CLOUD_NOT_ALLOWED",
                      "4 blobs uploaded", "Content location type is Azure",
                      "bytes from clouddp.contoso.test (CLOUD)"):
            assert words in done.stdout, done.stdout
    assert glob.glob(scene.path("nearpoint-demo-*")) == []
    assert commands_with(scene.folder) == []


def commands_with(text):
    """Command lines of running processes that hold the text."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                line = file.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line:
            found.append(line)
    return found


def test_every_server_is_known(_scene):
    """What the lists of packages hold of servers is what is disabled."""
    with open(os.path.join(ROOT, "tests/deps")) as file:
        text = file.read()
    listed = set(text.split("declare -A sets=(")[1].split("\n)")[0].replace('"', " ").split())
    started = {name for name in listed if os.path.exists("/etc/init.d/" + name)} - {"nginx-light"}
    assert started <= set(SERVERS), started - set(SERVERS)
    assert set(SERVERS) <= listed, set(SERVERS) - listed

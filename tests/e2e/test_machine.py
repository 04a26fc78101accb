"""This machine as the kernel has it: interfaces and addresses of a network of our own."""

import os
import subprocess

from harness import PATH, Skip


class Network:
    """A network name space with one pair of interfaces, v0 up and without a carrier."""

    PAIR = ["ip link add v0 type veth peer name v1", "ip link set v0 up"]

    def __init__(self, scene, *commands):
        self.root = os.getuid() == 0
        script = "; ".join([*self.PAIR, *commands, "echo ready", "exec sleep 600"])
        # A process that keeps the name space alive from one run to the next.
        self.holder = subprocess.Popen(
            ["unshare", "-n" if self.root else "-rn", "sh", "-ec", script],
            env={"PATH": PATH}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            why = self.holder.communicate()[1].strip()
            raise Skip("no network of our own (package iproute2): " + why)
        scene.keep(self)

    @property
    def enter(self):
        users = [] if self.root else ["-U", "--preserve-credentials"]
        return ["nsenter", *users, "-n", "-t", str(self.holder.pid)]

    def close(self):
        self.holder.kill()
        self.holder.communicate()


def machine(scene, *commands):
    """What locate --json says that this machine is."""
    network = Network(scene, *commands)
    os.makedirs(scene.path("policy"), exist_ok=True)
    result = scene.run("locate", "PS100001", "--json", prefix=network.enter)
    assert result.code == 1, result
    return result.json["machine"]


def adapter(name, description=None):
    return {"name": name, "description": description, "ifType": 6, "dnsSuffix": None,
            "vpn": False}


def test_ipv4(scene):
    """Prefix lengths are the kernel's, a point-to-point link's address is this machine's end, and
    the alias is the adapter's description. Link-local addresses do not count."""
    found = machine(scene, "ip addr add 10.9.17.5/20 dev v0",
                    "ip addr add 10.64.0.1 peer 10.64.0.2/32 dev v0",
                    "ip addr add 169.254.3.4/16 dev v0", "ip link set v0 alias 'Head office'")
    assert found["addresses"] == ["10.9.17.5/20", "10.64.0.1/32"], found
    assert found["subnets"] == ["10.9.16.0", "10.64.0.1"], found
    assert found["adapters"] == [adapter("v0", "Head office")], found
    assert found["name"] == os.uname().nodename, found


def test_ipv6(scene):
    """An address that may still turn out to be another machine's does not count: without a carrier
    nobody can be asked."""
    found = machine(scene, "ip addr add 2001:db8:9::5/64 nodad dev v0",
                    "ip addr add 2001:db8:9::6/64 dev v0", "ip addr add fe80::7/64 nodad dev v0",
                    "ip -6 addr show dev v0 tentative | grep -q 2001:db8:9::6")
    assert found["addresses"] == ["2001:db8:9::5/64"], found
    assert found["subnets"] == [], found
    assert found["adapters"] == [adapter("v0")], found


def test_interface_down(scene):
    """Addresses of an interface that is down do not count; its twin's do."""
    both = ["ip addr add 10.9.17.5/20 dev v0", "ip addr add 10.8.1.5/24 dev v1"]
    found = machine(scene, *both)
    assert found["addresses"] == ["10.9.17.5/20"] and found["adapters"] == [adapter("v0")], found
    found = machine(scene, *both, "ip link set v1 up")
    assert sorted(found["addresses"]) == ["10.8.1.5/24", "10.9.17.5/20"], found
    assert sorted(row["name"] for row in found["adapters"]) == ["v0", "v1"], found


def test_names_say_nothing(scene):
    """The loopback interface is known by its flag: one that is called so counts, and an address of
    the real one does not."""
    found = machine(scene, "ip link set lo down", "ip link set lo name eth7",
                    "ip link set eth7 up", "ip addr add 10.5.5.5/24 dev eth7",
                    "ip link set v0 down", "ip link set v0 name lo", "ip link set lo up",
                    "ip addr add 10.9.17.5/20 dev lo")
    assert found["addresses"] == ["10.9.17.5/20"], found
    assert found["adapters"] == [adapter("lo")], found


def test_no_interface(scene):
    """No address at all is no error."""
    found = machine(scene)
    assert found["addresses"] == [] and found["subnets"] == [], found
    assert found["adapters"] == [], found


def test_settings_win(scene):
    """A member of the settings file stands in the place of what was found; the others stay."""
    scene.settings(machine={"addresses": ["10.1.2.77/24"], "adSite": "London"})
    found = machine(scene, "ip addr add 10.9.17.5/20 dev v0")
    assert found["addresses"] == ["10.1.2.77/24"] and found["subnets"] == ["10.1.2.0"], found
    assert found["adSite"] == "London" and found["adapters"] == [adapter("v0")], found

"""What jobs share: connections, distribution points that are full, the proxy, the disk."""

import subprocess

import fault
from driver import HOUR, MINUTE, SECOND, Driver
from gate import Door, Gate
from harness import DP, SCALE, document, estate, filler, instance, threads, wait_until
from disk import SmallDisk

FILE = 2000


def many_files(scene, number, count, size=FILE):
    return scene.content({"f%02d" % i: filler(size, number * 100 + i) for i in range(count)},
                         "PS10000%d" % number)


def dp_name(number):
    return "dp%d.contoso.test" % number


def each_its_own(scene, contents, kind=None):
    """A policy in which each content has a distribution point of its own; their servers."""
    servers, rows = [], []
    for number, content in enumerate(contents, 1):
        server = scene.keep(Gate(scene.www))
        servers.append(server)
        rows += [row for row in estate([content], [DP(dp_name(number), server.url + "/gate")])
                 if row not in rows]
    scene.write("policy/estate.xml", document(with_kind(rows, kind)))
    return servers


def with_kind(rows, kind):
    """Distribution points of a kind."""
    mark = '<instance class="NP_DistributionPoint">'
    row = '<property name="Kind"><value>%s</value></property>' % kind
    return [text.replace(mark, mark + row) if kind else text for text in rows]


def one_dp(scene, contents, kind=None, behaviour="gate"):
    server = scene.keep(Gate(scene.www))
    rows = estate(contents, [DP(dp_name(1), server.url + "/" + behaviour)])
    scene.write("policy/estate.xml", document(with_kind(rows, kind)))
    return server


def check_files(server, contents):
    """Each file was asked for once, and each byte sent once."""
    targets = [record["target"] for record in server.asked()]
    assert len(targets) == len(set(targets)), sorted(targets)
    assert server.sent == sum(content.size for content in contents)


def let_go(driver, servers, contents):
    for server in servers:
        server.gate.set()
    for content in contents:
        ended = driver.until_ended(content)
        assert ended["state"] == "Success" and ended["sources"][0]["errorCount"] == 0, ended
        assert driver.scene.has(content)


def settled(driver):
    """Several turns of the loop later nothing more has come."""
    for _ in range(10):
        driver.report()


# How many connections.


@threads
def test_connections_in_all(scene):
    """Four jobs at four distribution points: 24 connections in all, 8 to each."""
    contents = [many_files(scene, number, 12) for number in range(1, 5)]
    servers = each_its_own(scene, contents)
    driver = Driver(scene)
    for content in contents:
        driver.start(content, "Foreground")
    wait_until(lambda: sum(server.inside for server in servers) == 24, 20, "24 connections")
    settled(driver)
    assert sum(server.inside for server in servers) == 24
    assert all(len(server.sockets) <= 8 for server in servers)
    hosts = driver.report()["hosts"]
    assert sum(host["busy"] for host in hosts) == 24, hosts
    let_go(driver, servers, contents)
    assert max(server.most for server in servers) == 8
    for server, content in zip(servers, contents):
        check_files(server, [content])
    assert not any(host["busy"] for host in driver.report()["hosts"])
    driver.quit()


def connections_to_one(scene, priorities, most, kind=None):
    contents = [many_files(scene, number, 12) for number in range(1, len(priorities) + 1)]
    server = one_dp(scene, contents, kind)
    driver = Driver(scene)
    for content, priority in zip(contents, priorities):
        driver.start(content, priority)
    server.wait_inside(most)
    settled(driver)
    assert server.inside == most and len(server.sockets) <= most, server.sockets
    let_go(driver, [server], contents)
    assert server.most == most, "%d connections at once" % server.most
    check_files(server, contents)
    driver.quit()


def test_connections_foreground(scene):
    connections_to_one(scene, ["Foreground"], 8)


def test_connections_high(scene):
    connections_to_one(scene, ["High"], 2)


def test_connections_normal(scene):
    connections_to_one(scene, ["Normal"], 2)


def test_connections_low(scene):
    connections_to_one(scene, ["Low"], 2)


def test_connections_two_foreground_jobs(scene):
    """Eight to a distribution point over all jobs."""
    connections_to_one(scene, ["Foreground", "Foreground"], 8)


def test_connections_three_low_jobs(scene):
    connections_to_one(scene, ["Normal", "Low", "Low"], 2)


def test_connections_workstation(scene):
    """One, over all jobs, whatever their priority."""
    connections_to_one(scene, ["Foreground", "High", "Low"], 1, "workstation")


def test_connections_by_settings(scene):
    """The settings file's numbers hold for all jobs together."""
    scene.settings(connections=5, connectionsPerSource=3)
    contents = [many_files(scene, number, 8) for number in range(1, 4)]
    servers = each_its_own(scene, contents)
    driver = Driver(scene)
    for content in contents:
        driver.start(content, "Foreground")
    wait_until(lambda: sum(server.inside for server in servers) == 5, 20, "5 connections")
    settled(driver)
    assert sum(server.inside for server in servers) == 5
    let_go(driver, servers, contents)
    assert max(server.most for server in servers) <= 3
    driver.quit()


# The more urgent first.


def preempts(scene, kind, urgent_files, low_files, taken):
    """A Low job has all connections; a Foreground job comes."""
    size = 200000 // SCALE
    low, urgent = (many_files(scene, number, count, size)
                   for number, count in ((1, low_files), (2, urgent_files)))
    server = one_dp(scene, [low, urgent], kind)
    driver = Driver(scene)
    driver.start(low, "Low")
    server.wait_inside(taken)
    driver.until(low, lambda job: job["bytesFromNetwork"] == taken * (size // 2))
    driver.start(urgent, "Foreground")
    wait_until(lambda: any(urgent.id in record["file"] and record["sent"] == size // 2
                           for record in server.asked()), 20, "the urgent job's turn")
    assert server.wait(lambda s: any(record.get("left") for record in s.requests))
    left = [record for record in server.asked() if record.get("left")]
    assert all(low.id in record["file"] for record in left), left
    let_go(driver, [server], [urgent, low])
    again = [record for record in server.asked() if record["range"]]
    assert len(again) == len(left), (again, left)
    assert all(record["range"].startswith("bytes=%d-" % (size // 2)) for record in again), again
    assert server.sent == low.size + urgent.size, "bytes were fetched twice"
    driver.quit()
    return server


@threads
def test_foreground_takes_the_only_connection(scene):
    """A workstation's only connection goes from Low to Foreground at once; Low loses no byte."""
    server = preempts(scene, "workstation", 1, 1, 1)
    assert server.most == 1


def test_foreground_takes_from_low(scene):
    """At a server Low had its two; Foreground gets up to eight with them or beside them."""
    contents = [many_files(scene, 1, 4), many_files(scene, 2, 12)]
    server = one_dp(scene, contents)
    driver = Driver(scene)
    driver.start(contents[0], "Low")
    server.wait_inside(2)
    driver.start(contents[1], "Foreground")
    wait_until(lambda: sum(contents[1].id in record["file"] for record in server.asked()) >= 6, 20,
               "the urgent job's connections")
    assert server.most <= 8
    let_go(driver, [server], [contents[1], contents[0]])
    assert server.most <= 8
    driver.quit()


def test_suspended_job_gives_its_connections(scene):
    """What it had goes to the next job at once."""
    contents = [many_files(scene, 1, 4), many_files(scene, 2, 4)]
    server = one_dp(scene, contents, "workstation")
    driver = Driver(scene)
    driver.start(contents[0])
    server.wait_inside(1)
    driver.start(contents[1])
    settled(driver)
    assert len(server.asked()) == 1
    driver.suspend(contents[0])
    assert server.wait(lambda s: any(contents[1].id in r["file"] for r in s.requests), 5)
    driver.resume(contents[0])
    let_go(driver, [server], contents)
    assert server.most == 1
    driver.quit()


def test_cancelled_job_gives_its_connections(scene):
    contents = [many_files(scene, 1, 4), many_files(scene, 2, 4)]
    server = one_dp(scene, contents, "workstation")
    driver = Driver(scene)
    driver.start(contents[0])
    server.wait_inside(1)
    driver.start(contents[1])
    driver.cancel(contents[0])
    assert driver.until_ended(contents[0])["state"] == "Cancelled"
    let_go(driver, [server], contents[1:])
    driver.quit()


# A workstation that is full.


@fault.behaviour
def too_many_users(request):
    """IIS on a workstation: 403.9."""
    request.reply("403 Forbidden", b"<html><head><title>403.9 - Forbidden: Too many clients are "
                  b"trying to connect to the Web server</title></head></html>",
                  "Content-Type: text/html")


def full_error(source):
    assert source["errorCount"] >= 1, source
    assert {error["code"] for error in source["errors"]} == {"FULL"}, source
    assert all(error["blame"] is None for error in source["errors"]), source


def full_with_another(scene, url, server):
    """The next distribution point is used meanwhile; the full one rests 1 to 5 minutes."""
    content = many_files(scene, 1, 3)
    good = scene.keep(Gate(scene.www))
    full, other = DP(dp_name(1), url, near=True), DP(dp_name(2), good.url + "/ok")
    rows = estate([content], [full, other])
    nal = instance("NP_DistributionPoint", NALPath=full.nal, BaseURL=url,
                   Addresses=full.addresses)
    rows = [with_kind([row], "workstation")[0] if row == nal else row for row in rows]
    scene.write("policy/estate.xml", document(rows))
    driver = Driver(scene)
    driver.start(content)
    ended = driver.until_ended(content)
    assert ended["state"] == "Success" and len(good.asked()) == 3, ended
    sources = {source["dp"]: source for source in ended["sources"]}
    full_error(sources[full.name])
    host = driver.host(full.name)
    assert host["reason"]["code"] == "FULL" and 50 * SECOND <= host["rest"] <= 5 * MINUTE, host
    assert server is None or len(server.asked()) == 1, server.ranges()
    driver.quit()


def full_alone(scene, behaviour):
    """It comes back in one to five minutes, and then serves."""
    content = many_files(scene, 1, 3)
    server = one_dp(scene, [content], "workstation", "scripted")
    server.script = [behaviour]
    driver = Driver(scene)
    driver.start(content)
    driver.until_idle(content)
    host = driver.host(dp_name(1))
    assert host["reason"]["code"] == "FULL", host
    assert MINUTE - 5 * SECOND <= host["rest"] <= 5 * MINUTE, host
    full_error(driver.job(content)["sources"][0])
    moved = driver.moved + host["rest"]
    while driver.moved < moved - 5 * SECOND:
        assert driver.step(content, most=moved - 5 * SECOND - driver.moved)
        driver.until_idle(content)
        assert len(server.asked()) == 1, "it came back too early"
    driver.clock(6 * SECOND)
    ended = driver.until_ended(content)
    assert ended["state"] == "Success" and len(server.asked()) == 4, ended
    driver.quit()


def test_full_403_9(scene):
    full_alone(scene, "too-many-users")


def test_full_503(scene):
    full_alone(scene, "busy")


def test_full_403_9_and_another(scene):
    server = scene.keep(Gate(scene.www))
    full_with_another(scene, server.url + "/too-many-users", server)


def test_full_503_and_another(scene):
    server = scene.keep(Gate(scene.www))
    full_with_another(scene, server.url + "/busy", server)


def test_full_refused_and_another(scene):
    """A refused connection of a workstation: its system takes no more."""
    full_with_another(scene, scene.keep(Door(None)).url + "/ok", None)


def test_full_is_of_workstations_only(scene):
    """A server that answers 503 has failed, and is blamed."""
    content = many_files(scene, 1, 1)
    server = one_dp(scene, [content], None, "scripted")
    server.script = ["busy"]
    driver = Driver(scene)
    driver.start(content)
    driver.until_idle(content)
    error = driver.job(content)["sources"][0]["errors"][0]
    assert error["code"] == "HTTP_503" and error["blame"] == "source", error
    assert (driver.host(dp_name(1))["reason"] or {}).get("code") != "FULL"
    assert driver.step_until_ended(content, 5)["state"] == "Success"
    driver.quit()


def test_403_is_not_full(scene):
    """403 that does not say 403.9 refuses the file, on a workstation too."""
    content = many_files(scene, 1, 1)
    server = one_dp(scene, [content], "workstation", "403")
    driver = Driver(scene)
    driver.start(content)
    driver.until_idle(content)
    error = driver.job(content)["sources"][0]["errors"][0]
    assert error["code"] == "HTTP_403" and server.asked(), error
    assert (driver.host(dp_name(1))["reason"] or {}).get("code") != "FULL"
    driver.quit()


# The proxy.


def through_proxy(request):
    """What a proxy is asked: http://HOST:PORT/BEHAVIOUR/FILE."""
    request.file = request.target.split("/", 4)[4]
    fault.serve(request)


fault.BEHAVIOURS["http:"] = through_proxy


def test_proxy_that_refuses(scene):
    """It rests the job and is blamed; the distribution point is not. When it is back, all is
    well."""
    content = many_files(scene, 1, 2)
    proxy = scene.keep(Gate(scene.www))
    door = scene.keep(Door(proxy))
    scene.settings(proxy=door.url)
    scene.policy(content, [DP(dp_name(1), "http://192.0.2.1:81/ok")])
    driver = Driver(scene)
    driver.start(content)
    assert driver.until_idle(content) > 0
    job, host = driver.job(content), driver.host(dp_name(1))
    assert not host or (host["rest"] == 0 and host["failures"] == 0), host
    errors = [error for source in job["sources"] for error in source["errors"]]
    assert errors and all(error["blame"] == "proxy" for error in errors), errors
    door.open()
    ended = driver.step_until_ended(content, 5)
    assert ended["state"] == "Success" and door.passed >= 1 and len(proxy.asked()) == 2, ended
    driver.quit()


# The disk.


def on_small_disk(scene, size, behaviour, files):
    content = scene.content(files)
    server = scene.keep(Gate(scene.www))
    scene.policy(content, [DP(dp_name(1), server.url + "/" + behaviour)])
    disk = SmallDisk(scene, size)
    scene.cache = disk.point + "/cache"
    driver = Driver(scene, disk.enter)
    driver.start(content)
    return content, server, disk, driver


def blames_nobody(job):
    assert job["sources"] == [] or not any(s["errorCount"] for s in job["sources"]), job
    assert job["error"] is None, job


def ended_on(disk, content, ended):
    assert ended["state"] == "Success", ended
    assert content.folder in disk.shows("cache/DataLib")


def finish(driver):
    """In order; the cache is seen by the program only."""
    driver.process.stdin.write("quit\n")
    driver.process.stdin.flush()
    assert driver.process.wait(60) == 0


def test_full_disk_waits(scene):
    """No room at the start: WaitingDisk, no source asked or blamed; with room it goes on."""
    content, server, disk, driver = on_small_disk(scene, 2 << 20, "ok",
                                                  {"big.cab": filler(3000000, 1)})
    job = driver.until_state(content, "WaitingDisk")
    assert job["waitingFor"], job
    assert driver.record(content)["state"] == "WaitingDisk"
    blames_nobody(job)
    delays = []
    for _ in range(8):
        delays.append(driver.until_idle(content))
        driver.clock(delays[-1] + 1)
        driver.until_state(content, "WaitingDisk")
    assert delays[0] <= 8 * SECOND and 40 * SECOND <= delays[-1] <= 75 * SECOND, delays
    assert not server.asked()
    disk.grow(64 << 20)
    ended_on(disk, content, driver.step_until_ended(content, 5))
    finish(driver)


def bytes_in_staging(disk):
    done = subprocess.run([*disk.enter, "sh", "-c", "cat '%s'/cache/Staging/*/[0-9A-F]* | wc -c"
                           % disk.point], capture_output=True, text=True, check=False)
    return int(done.stdout or 0)


def fill(disk):
    subprocess.run([*disk.enter, "sh", "-c", "cat /dev/zero > '%s/fill'" % disk.point],
                   stderr=subprocess.DEVNULL, check=False)


def make_room(disk):
    subprocess.run([*disk.enter, "rm", disk.point + "/fill"], check=True)


def test_full_disk_midway_waits(scene):
    """Room that goes while bytes come: the same; what lies on the disk does not come again."""
    files = {"f%d" % i: filler(600000, i) for i in range(10)}
    content, server, disk, driver = on_small_disk(scene, 8 << 20, "gate", files)
    server.wait_inside(2)
    wait_until(lambda: bytes_in_staging(disk) >= 2 * 262144, 20, "two begun files on the disk")
    begun = {record["file"] for record in server.asked()}
    fill(disk)
    server.gate.set()
    blames_nobody(driver.until_state(content, "WaitingDisk"))
    driver.until_idle(content)
    assert driver.record(content)["state"] == "WaitingDisk"
    asked = len(server.asked())
    driver.clock(6 * SECOND)
    driver.until_idle(content)
    assert len(server.asked()) == asked, "asked for bytes that have no place"
    make_room(disk)
    disk.grow(64 << 20)
    ended_on(disk, content, driver.step_until_ended(content, 5))
    again = [record for record in server.asked()[2:] if record["file"] in begun]
    assert len(again) == 2 and all(record["range"] for record in again), again
    finish(driver)


def test_full_disk_again(scene):
    """Room that goes a second time, after bytes came: the first look comes as soon as before."""
    files = {"f%d" % i: filler(600000, i) for i in range(2)}
    content, server, disk, driver = on_small_disk(scene, 8 << 20, "gate", files)
    server.wait_inside(2)
    fill(disk)
    server.gate.set()
    driver.until_state(content, "WaitingDisk")
    server.gate.clear()
    for seconds in (6, 11, 21):
        driver.clock(seconds * SECOND)
        driver.until_idle(content)
        assert driver.record(content)["state"] == "WaitingDisk"
    make_room(disk)
    driver.clock(41 * SECOND)
    server.wait_inside(2)
    fill(disk)
    server.gate.set()
    driver.until_state(content, "WaitingDisk")
    make_room(disk)
    driver.clock(6 * SECOND)
    ended_on(disk, content, driver.until_ended(content, 20))
    finish(driver)


def test_cancel_while_the_disk_is_full(scene):
    """Suspend, resume and cancel are obeyed in that state too, and cost no request."""
    content, server, _, driver = on_small_disk(scene, 2 << 20, "ok",
                                               {"big.cab": filler(3000000, 1)})
    driver.until_state(content, "WaitingDisk")
    driver.suspend(content)
    driver.clock(HOUR)
    assert driver.job(content)["state"] == "Suspended"
    driver.resume(content)
    blames_nobody(driver.until_state(content, "WaitingDisk"))
    driver.cancel(content)
    assert driver.until_ended(content)["state"] == "Cancelled"
    assert len(server.asked()) <= 1, server.ranges()
    assert driver.record(content) is None
    finish(driver)

"""Jobs as an agent has them: suspended, resumed, cancelled, killed and found again."""

import os
import re

from driver import DAY, HOUR, MINUTE, Driver
from gate import Gate
from harness import DP, alone, filler, threads, wait_until

DP_NAME = "dp1.contoso.test"
SIZE = 4000000
HALF = SIZE // 2


def one_large_file(scene, behaviour="gate"):
    content = scene.content({"big.wim": filler(SIZE, 1)})
    server = scene.keep(Gate(scene.www))
    scene.policy(content, [DP(DP_NAME, server.url + "/" + behaviour)])
    return content, server


def half_of_it(scene, **options):
    """A held job that has received half, of a server that sends no more until the gate opens."""
    content, server = one_large_file(scene)
    driver = Driver(scene, **options)
    driver.start(content)
    server.wait_inside(1)
    driver.until(content, lambda job: job["bytesFromNetwork"] == HALF)
    return content, server, driver


def left_within_a_second(server):
    """The client is gone; nothing was sent since."""
    sent = server.sent
    server.wait_inside(0, 1)
    assert server.asked()[-1].get("left"), "the client did not leave by itself"
    assert server.sent == sent


def check_rest(server, request, start=HALF):
    """The request is for the rest from `start`, and was answered so."""
    assert re.fullmatch(r"bytes=%d-(%d)?" % (start, SIZE - 1), request["range"] or ""), \
        "not from %d: %s" % (start, server.ranges())
    assert request["status"] == 206 and request["ifRange"], request


@alone
@threads
def test_suspend_and_resume(scene):
    """Suspended: recorded, silent within a second, nothing asked for an hour. Resumed: goes on with
    exactly the rest."""
    content, server, driver = half_of_it(scene)
    assert driver.record(content)["state"] == "DownloadingData"
    assert driver.suspend(content)["state"] == "Suspended"
    assert driver.record(content)["state"] == "Suspended"
    left_within_a_second(server)
    wait_until(lambda: scene.staged() == HALF, 1, "the bytes on the disk")
    driver.clock(HOUR)
    job = driver.job(content)
    assert job["state"] == "Suspended" and len(server.asked()) == 1, (job, server.ranges())
    assert not any(host["busy"] for host in driver.report()["hosts"])
    server.gate.set()
    assert driver.resume(content)["state"] != "Suspended"
    ended = driver.until_ended(content)
    assert ended["state"] == "Success" and scene.has(content), ended
    assert len(server.asked()) == 2 and server.sent == SIZE, server.ranges()
    check_rest(server, server.asked()[1])
    assert ended["bytesFromNetwork"] == SIZE, ended
    assert driver.record(content) is None
    driver.quit()


@alone
def test_suspend_in_full_flow(scene):
    """While bytes pour in the server's count stands still within a second, too."""
    content = scene.content({"big.wim": filler(30000000, 1)})
    server = scene.keep(Gate(scene.www))
    scene.policy(content, [DP(DP_NAME, server.url + "/slow")])
    driver = Driver(scene)
    driver.start(content)
    assert server.wait(lambda s: s.body_bytes > 500000)
    driver.suspend(content)
    wait_until(lambda: not server.sockets, 1, "the connection's end")
    sent, taken = server.sent, driver.job(content)["bytesFromNetwork"]
    assert taken <= sent < 30000000
    driver.clock(MINUTE)
    job = driver.job(content)
    assert job["bytesFromNetwork"] == taken and server.sent == sent and len(server.asked()) == 1
    server.instead["slow"] = "ok"
    driver.resume(content)
    assert driver.until_ended(content)["state"] == "Success" and scene.has(content)
    start = int(re.fullmatch(r"bytes=(\d+)-\d*", server.asked()[1]["range"])[1])
    assert start == taken, "%d bytes were taken, the rest from %d was asked for" % (taken, start)
    driver.quit()


def test_suspended_again_and_again(scene):
    """Suspended and resumed at once, many times: one byte is fetched once."""
    content, server, driver = half_of_it(scene)
    for _ in range(20):
        driver.suspend(content)
        driver.suspend(content)
        driver.resume(content)
        driver.resume(content)
    driver.suspend(content)
    server.wait_inside(0)
    server.gate.set()
    driver.resume(content)
    ended = driver.until_ended(content)
    assert ended["state"] == "Success" and scene.has(content), ended
    assert ended["sources"][0]["errorCount"] == 0, ended
    driver.quit()


@alone
@threads
def test_cancel(scene):
    """Cancelled: silent at once, the record is gone, the part stays and is gone on with."""
    content, server, driver = half_of_it(scene)
    driver.cancel(content)
    ended = driver.until_ended(content, 1)
    assert ended["state"] == "Cancelled", ended
    left_within_a_second(server)
    assert driver.record(content) is None
    assert scene.staged() == HALF and not scene.has(content)
    server.gate.set()
    job = driver.start(content)
    assert job["job"] != ended["job"], "a cancelled job came back"
    ended = driver.until_ended(content)
    assert ended["state"] == "Success" and ended["bytesReused"] == HALF, ended
    check_rest(server, server.asked()[1])
    assert server.sent == SIZE
    driver.quit()


def test_cancel_while_suspended(scene):
    content, server, driver = half_of_it(scene)
    driver.suspend(content)
    server.wait_inside(0)
    driver.cancel(content)
    assert driver.until_ended(content)["state"] == "Cancelled"
    assert driver.record(content) is None and scene.staged() == HALF
    driver.quit()


def test_calls_after_the_end(scene):
    """A job that ended stays as it is."""
    content, server, driver = half_of_it(scene)
    server.gate.set()
    assert driver.until_ended(content)["state"] == "Success"
    for call in (driver.suspend, driver.resume, driver.cancel):
        assert call(content)["state"] == "Success"
    assert len(server.asked()) == 1 and scene.has(content)
    driver.quit()


def test_resume_of_what_runs(scene):
    """Changes nothing."""
    content, server, driver = half_of_it(scene)
    assert driver.resume(content)["state"] == "DownloadingData"
    assert server.inside == 1
    server.gate.set()
    assert driver.until_ended(content)["state"] == "Success"
    assert len(server.asked()) == 1
    driver.quit()


def killed_while_suspended(scene):
    content, server, driver = half_of_it(scene)
    guid = driver.suspend(content)["job"]
    wait_until(lambda: scene.staged() == HALF, 20, "the bytes on the disk")
    driver.kill()
    assert driver.record(content)["state"] == "Suspended"
    server.wait_inside(0)
    server.gate.set()
    return content, server, guid


def test_killed_while_suspended(scene):
    """A job that an agent holds is still suspended after a kill, until it is resumed."""
    content, server, guid = killed_while_suspended(scene)
    driver = Driver(scene)
    job = driver.start(content)
    assert (job["state"], job["job"]) == ("Suspended", guid), job
    driver.clock(HOUR)
    assert driver.job(content)["state"] == "Suspended" and len(server.asked()) == 1
    driver.resume(content)
    ended = driver.until_ended(content)
    assert ended["state"] == "Success" and ended["job"] == guid, ended
    assert ended["bytesReused"] == HALF and server.sent == SIZE, ended
    check_rest(server, server.asked()[1])
    driver.quit()


def test_get_of_what_was_suspended(scene):
    """`get` goes on: the user asked."""
    content, server, guid = killed_while_suspended(scene)
    result = scene.get()
    assert result.code == 0 and scene.has(content), result
    assert result.json["job"] == guid and result.json["bytesReused"] == HALF, result
    check_rest(server, server.asked()[1])


def test_guids_over_kills(scene):
    """Killed and started again, it is the same job with the same transfer, and goes on with what
    lies on the disk."""
    content, server = one_large_file(scene)
    found, kept = set(), [0]
    for _ in range(3):
        driver = Driver(scene)
        guid = driver.start(content)["job"]
        server.wait_inside(1)
        taken = (SIZE - kept[-1]) // 2
        driver.until(content, lambda job, taken=taken: job["bytesFromNetwork"] == taken)
        wait_until(lambda: scene.staged() > kept[-1], 20, "bytes on the disk")
        record = driver.record(content)
        assert record["job"] == guid
        found.add((guid, record["dtsJob"]))
        driver.kill()
        server.wait_inside(0)
        kept.append(scene.staged())
    server.gate.set()
    driver = Driver(scene)
    assert driver.start(content)["job"] == guid
    assert driver.until_ended(content)["state"] == "Success" and scene.has(content)
    assert len(found) == 1, "the identifiers changed: %s" % found
    assert server.ranges()[0] is None and len(server.asked()) == 4, server.ranges()
    for request, start in list(zip(server.asked(), kept))[1:]:
        check_rest(server, request, start)
    driver.quit()


def test_record_of_a_killed_job(scene):
    """Format, identifiers, priority and clock stand in it; only the owner may read it."""
    content, _, driver = half_of_it(scene)
    record = driver.record(content)
    guid = r"\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\}"
    assert record["format"] == 1 and record["priority"] == "Normal", record
    assert record["content"] == content.id and record["version"] == content.version, record
    assert re.fullmatch(guid, record["job"]) and re.fullmatch(guid, record["dtsJob"]), record
    assert record["elapsed"] in (0, 1, 2) and record["saved"] > 1700000000, record
    assert os.stat(driver.record_path(content)).st_mode & 0o777 == 0o600
    driver.quit()


def test_record_that_is_damaged(scene):
    """It is kept aside, a new job is begun, the log says so; a newer program's likewise."""
    content, server = one_large_file(scene, "ok")
    names = scene.path("state/jobs")
    for text, ending in (('{"format": 1', ".bad"), ('{"format": 2, "job": "x"}', ".newer")):
        scene.cache = scene.path("cache" + ending)
        scene.write("state/jobs/%s.json" % content.folder, text)
        os.chmod(scene.path("state"), 0o700)
        driver = Driver(scene)
        driver.start(content)
        assert driver.until_ended(content)["state"] == "Success"
        driver.quit()
        aside = [name for name in os.listdir(names) if name.endswith(ending)]
        assert len(aside) == 1, os.listdir(names)
        with open(os.path.join(names, aside[0]), encoding="utf-8") as file:
            assert file.read() == text
        assert ending in scene.log_text(), "the log says nothing of " + ending
    assert len(server.asked()) == 2


def test_suspend_while_waiting(scene):
    """No look at any distribution point while suspended; a resumed job looks at once."""
    content, server = one_large_file(scene, "busy")
    driver = Driver(scene)
    driver.start(content)
    driver.until_idle(content)
    driver.suspend(content)
    asked = len(server.asked())
    assert asked, "the fault was not reached"
    for _ in range(24):
        driver.clock(HOUR)
    assert driver.job(content)["state"] == "Suspended" and len(server.asked()) == asked
    server.instead["busy"] = "ok"
    driver.resume(content)
    assert driver.until_ended(content)["state"] == "Success" and scene.has(content)
    driver.quit()


def test_suspended_for_ninety_days(scene):
    """Then the job fails; a day before it does not."""
    content, server, driver = half_of_it(scene)
    driver.suspend(content)
    server.wait_inside(0)
    for _ in range(89):
        driver.clock(DAY)
    assert driver.job(content)["state"] == "Suspended"
    driver.clock(DAY)
    ended = driver.until_ended(content)
    assert ended["state"] == "Failed" and ended["error"]["code"] == "SUSPENDED_TIMEOUT", ended
    assert driver.record(content) is None and len(server.asked()) == 1
    driver.quit()


def test_resumed_after_thirty_days(scene):
    """The days of a suspension do not count among the ten that a download may take."""
    content, server, driver = half_of_it(scene)
    driver.suspend(content)
    server.wait_inside(0)
    for _ in range(30):
        driver.clock(DAY)
    driver.resume(content)
    server.wait_inside(1)
    driver.clock(3000)
    driver.clock(3000)
    assert driver.job(content)["state"] == "DownloadingData", driver.job(content)
    server.gate.set()
    assert driver.until_ended(content)["state"] == "Success" and scene.has(content)
    driver.quit()

"""Jobs in simulated time: deadlines of days, looks that grow rare, clocks that jump.

Maintenance windows, a day of suspend and what an agent does at once after it come with the agent;
what daylight-saving time does to a job is here.
"""

import datetime
import email.utils
import json
import re
import time

import fault
from driver import DAY, HOUR, MINUTE, SECOND, Driver
from gate import Door, Gate
from harness import DP, document, estate, filler, instance, slow, wait_until

DP_NAME = "dp1.contoso.test"
SIZE = 400000
HALF = SIZE // 2
YEARS = 10 * 365 * 86400


def one_file(scene, behaviour="scripted", otherwise="busy"):
    content = scene.content({"setup.exe": filler(SIZE, 1)})
    server = scene.keep(Gate(scene.www))
    server.otherwise = otherwise
    scene.policy(content, [DP(DP_NAME, server.url + "/" + behaviour)])
    return content, server


# Deadlines.


def held_until_it_fails(scene, url_of, days, code):
    content = scene.content({"setup.exe": filler(SIZE, 1)})
    server = scene.keep(Gate(scene.www))
    scene.policy(content, [DP(DP_NAME, url_of(server))])
    driver = Driver(scene)
    driver.start(content)
    ended = driver.step_until_ended(content)
    assert ended["state"] == "Failed" and ended["error"]["code"] == code, ended
    assert days * DAY - MINUTE <= driver.moved + 5000 and driver.moved <= days * DAY + 2 * HOUR, \
        "ended after %.2f days" % (driver.moved / DAY)
    assert driver.record(content) is None and not scene.has(content)
    driver.quit()
    return ended, server


@slow("seven days of looks")
def test_location_timeout(scene):
    """Seven days without a distribution point that answers: the job fails, and says so."""
    ended, server = held_until_it_fails(scene, lambda s: s.url + "/reset-at-once", 7,
                                        "LOCATION_TIMEOUT")
    assert 7 * 20 <= len(server.asked()) <= 7 * 45, len(server.asked())
    assert ended["sources"][0]["errorCount"] >= 20, ended


def test_location_timeout_without_location(scene):
    """The same where no distribution point has this version at all."""
    content, server = one_file(scene)
    rows = estate([content], [DP(DP_NAME, server.url)])
    old = rows[-1].replace("<value>3</value>", "<value>2</value>")
    assert "Summarizer" in rows[-1] and old != rows[-1]
    rows[-1] = old
    scene.write("policy/estate.xml", document(rows))
    driver = Driver(scene)
    driver.start(content)
    driver.until_state(content, "WaitingContentLocations")
    for hour in range(7 * 24 - 1):
        assert driver.job(content)["state"] == "WaitingContentLocations", hour
        driver.clock(HOUR)
    for _ in range(2):
        driver.clock(HOUR)
    ended = driver.until_ended(content)
    assert ended["state"] == "Failed" and ended["error"]["code"] == "LOCATION_TIMEOUT", ended
    assert not server.asked()
    driver.quit()


def test_location_timeout_while_the_machine_slept(scene):
    """Days of suspend count: the job fails at its next look after them."""
    content, server = one_file(scene)
    driver = Driver(scene)
    driver.start(content)
    driver.until_idle(content)
    asked = len(server.asked())
    driver.boot(8 * DAY)
    ended = driver.step_until_ended(content, 10)
    assert ended["error"]["code"] == "LOCATION_TIMEOUT", ended
    assert asked and len(server.asked()) <= asked + 8
    driver.quit()


@slow("ten days of looks")
def test_download_timeout(scene):
    """A source that gives some bytes now and then starts the seven days anew; ten end the job."""
    content, server = one_file(scene)
    driver = Driver(scene)
    driver.start(content)
    given, ended = 0, None
    for _ in range(2000):
        if driver.moved >= given + 3 * DAY:
            given = driver.moved
            server.script = ["some-bytes"]
        if not driver.step(content):
            ended = driver.until_ended(content)
            break
    assert ended and ended["state"] == "Failed", ended or driver.report()
    assert ended["error"]["code"] == "DOWNLOAD_TIMEOUT", ended
    assert 10 * DAY - MINUTE <= driver.moved + 5000 and driver.moved <= 10 * DAY + 2 * HOUR, \
        "ended after %.2f days" % (driver.moved / DAY)
    assert ended["bytesFromNetwork"] == 300 and scene.staged() == 300, ended
    assert len(server.asked()) < 10 * 50, len(server.asked())
    driver.quit()


def test_source_that_hangs(scene):
    """Two minutes without a byte leave a source in a held job, and it is asked again later."""
    content, server = one_file(scene, "gate")
    driver = Driver(scene)
    driver.start(content)
    server.wait_inside(1)
    driver.until(content, lambda job: job["bytesFromNetwork"] == HALF)
    driver.clock(110 * SECOND)
    assert driver.job(content)["sources"][0]["errorCount"] == 0 and server.inside == 1
    driver.clock(15 * SECOND)
    job = driver.until(content, lambda job: job["sources"][0]["errorCount"] > 0)
    assert job["sources"][0]["errors"][0]["code"] == "STALLED", job
    assert "%d" % HALF in job["sources"][0]["errors"][0]["text"], job
    server.gate.set()
    ended = driver.step_until_ended(content)
    assert ended["state"] == "Success" and ended["bytesFromNetwork"] == SIZE, ended
    driver.quit()


# The clock of a job over a restart.


def with_record(scene, **changes):
    """A held job that was killed while it waited, its record changed; a driver for the next."""
    content, server = one_file(scene)
    driver = Driver(scene)
    driver.start(content)
    driver.until_idle(content)
    driver.kill()
    record = dict(driver.record(content), **changes)
    with open(driver.record_path(content), "w", encoding="utf-8") as file:
        json.dump(record, file)
    driver = Driver(scene)
    job = driver.start(content)
    assert job["job"] == record["job"], "the record was not believed: %s" % record
    return content, server, driver


def left_of_ten_days(scene, **changes):
    """How long the job has still to run, in minutes."""
    content, server, driver = with_record(scene, **changes)
    asked = len(server.asked())
    for _ in range(400):
        if not driver.step(content, most=10 * MINUTE):
            break
    ended = driver.until_ended(content)
    assert ended["error"]["code"] == "DOWNLOAD_TIMEOUT", ended
    assert len(server.asked()) > asked
    driver.quit()
    return driver.moved / MINUTE


TEN_DAYS = 864000


def test_clock_of_a_record(scene):
    """What ran before the restart counts, and the time between."""
    now = int(time.time())
    left = left_of_ten_days(scene, elapsed=TEN_DAYS - 7200, answered=TEN_DAYS - 7200, saved=now - 3600)
    assert 58 <= left <= 85, left


def test_clock_of_a_record_of_the_future(scene):
    """Saved later than now: the time between counts nothing."""
    now = int(time.time())
    left = left_of_ten_days(scene, elapsed=TEN_DAYS - 3600, answered=TEN_DAYS - 3600, saved=now + 5 * 86400)
    assert 58 <= left <= 85, left


def test_clock_of_a_record_of_long_ago(scene):
    """Saved longer ago than any job lasts: likewise."""
    now = int(time.time())
    left = left_of_ten_days(scene, elapsed=TEN_DAYS - 3600, answered=TEN_DAYS - 3600, saved=now - 4000 * 86400)
    assert 58 <= left <= 85, left


def test_clock_that_ran_out_between(scene):
    """Killed a day before its end and found again two days later: it fails."""
    now = int(time.time())
    content, _, driver = with_record(scene, elapsed=TEN_DAYS - 86400, saved=now - 2 * 86400)
    ended = driver.until_ended(content)
    assert ended["error"]["code"] == "DOWNLOAD_TIMEOUT", ended
    driver.quit()


DAY_SECONDS = 86400


def end_of(scene, **changes):
    """Why a job with such a record fails within minutes; None: it goes on."""
    content, _, driver = with_record(scene, saved=int(time.time()), **changes)
    if changes["state"] == "Suspended":
        driver.resume(content)
    for _ in range(20):
        if not driver.step(content, most=MINUTE):
            break
    ended = driver.ends.get(content.id)
    driver.quit()
    return ended and ended["error"]["code"]


def test_stretch_of_a_record(scene):
    """Seven days without a byte count over a restart."""
    assert end_of(scene, state="WaitingContentLocations", elapsed=8 * DAY_SECONDS,
                  answered=DAY_SECONDS // 2) == "LOCATION_TIMEOUT"


def test_stretch_of_a_record_with_a_byte(scene):
    """The twin: a byte came two days before."""
    assert end_of(scene, state="WaitingContentLocations", elapsed=8 * DAY_SECONDS,
                  answered=6 * DAY_SECONDS) is None


def test_stretch_of_a_download(scene):
    """And one that was killed while bytes came: the stretch begins now."""
    assert end_of(scene, state="DownloadingData", elapsed=8 * DAY_SECONDS, answered=0) is None


def test_pause_of_a_record(scene):
    """Suspended for thirty days, over a restart: neither deadline went on meanwhile."""
    assert end_of(scene, state="Suspended", elapsed=31 * DAY_SECONDS, suspended=DAY_SECONDS,
                  answered=0) is None


def test_pause_of_a_record_without_one(scene):
    """The twin: it was suspended only now."""
    assert end_of(scene, state="Suspended", elapsed=31 * DAY_SECONDS,
                  suspended=31 * DAY_SECONDS, answered=0) == "DOWNLOAD_TIMEOUT"


def test_pause_before_that_of_a_record(scene):
    """Another twin: it stood still before."""
    assert end_of(scene, state="Suspended", elapsed=31 * DAY_SECONDS,
                  suspended=31 * DAY_SECONDS, paused=25 * DAY_SECONDS,
                  answered=30 * DAY_SECONDS) is None


def test_clock_in_the_record(scene):
    """The record says how long the job ran, by the boot clock."""
    content, _ = one_file(scene)
    driver = Driver(scene)
    driver.start(content)
    while driver.moved < 2 * DAY:
        assert driver.step(content)
    driver.until_idle(content)
    elapsed = driver.record(content)["elapsed"]
    assert 86400 * 2 - 7200 <= elapsed <= driver.moved / 1000 + 60, elapsed
    driver.quit()


# H9: endless failures.


def looks_of_a_day(scene, url_of, count):
    """Twenty-four hours of a held job; when requests came, in simulated milliseconds."""
    content = scene.content({"setup.exe": filler(SIZE, 1)})
    server = scene.keep(Gate(scene.www))
    scene.policy(content, [DP(DP_NAME, url_of(server))])
    driver = Driver(scene)
    driver.start(content)
    times, seen = [], 0
    while driver.moved < DAY:
        delay = driver.until_idle(content)
        assert delay is not None, driver.until_ended(content)
        now = count(server)
        times += [driver.moved] * (now - seen)
        seen = now
        driver.clock(delay + 1)
    driver.until_idle(content)
    return content, server, driver, times


def check_looks(times):
    assert 20 <= len(times) <= 45, "%d requests in a day" % len(times)
    looks = sorted(set(times))
    gaps = [b - a for a, b in zip(looks, looks[1:])]
    assert gaps[0] < 3 * MINUTE and min(gaps[-8:]) >= 40 * MINUTE, gaps
    assert max(gaps) <= 80 * MINUTE, "it almost gave up: %s" % gaps
    assert len(set(gaps[-8:])) > 4, "no jitter: %s" % gaps
    for at in range(0, len(gaps) - 4):
        assert gaps[at + 4] > gaps[at] or gaps[at] >= 40 * MINUTE, "does not grow: %s" % gaps


def cancelled_at_once(driver, content, server):
    asked = len(server.asked())
    driver.cancel(content)
    ended = driver.until_ended(content)
    assert ended["state"] == "Cancelled" and len(server.asked()) == asked, ended
    assert driver.record(content) is None
    driver.quit()


def endless(name, code):
    def test(scene):
        content, server, driver, times = looks_of_a_day(
            scene, lambda s: s.url + "/" + name,
            lambda s: sum("sccm?" not in asked["target"] for asked in s.asked()))
        check_looks(times)
        source = driver.job(content)["sources"][0]
        assert {error["code"] for error in source["errors"]} == {code}, source
        cancelled_at_once(driver, content, server)
    test.__doc__ = "A day of '%s': some thirty requests, rarer and rarer, ended at once." % name
    return test


for _name, _code in (("404", "HTTP_404"), ("500", "HTTP_500"), ("busy", "HTTP_503")):
    globals()["test_h9_" + _name] = endless(_name, _code)


def test_h9_reset(scene):
    """A day of connections that are reset."""
    content, server, driver, times = looks_of_a_day(
        scene, lambda s: s.url + "/reset-at-once", lambda s: len(s.asked()))
    check_looks(times)
    cancelled_at_once(driver, content, server)


def test_h9_refused(scene):
    """A day of nobody listening; the errors count the looks. Then the door opens."""
    doors = []

    def behind(server):
        doors.append(scene.keep(Door(server)))
        return doors[0].url + "/ok"
    content, server, driver, _ = looks_of_a_day(scene, behind, lambda s: 0)
    source = driver.job(content)["sources"][0]
    assert 20 <= source["errorCount"] <= 45, source
    assert str(doors[0].port) in source["errors"][0]["where"], source
    assert not server.asked()
    doors[0].open()
    ended = driver.step_until_ended(content, 5)
    assert ended["state"] == "Success" and doors[0].passed == 1, ended
    driver.quit()


def test_h9_one_dp_for_several_jobs(scene):
    """A distribution point that does not answer rests for all jobs: another job, too, leaves it
    alone for as long."""
    contents = [scene.content({"f": filler(1000, i)}, "PS10000%d" % i) for i in (1, 2)]
    server = scene.keep(Gate(scene.www))
    scene.policy(contents, [DP(DP_NAME, server.url + "/reset-at-once")])
    driver = Driver(scene)
    driver.start(contents[0])
    for _ in range(2):  # of rests of one, two and four seconds
        assert driver.step(contents[0])
    driver.until_idle(contents[0])
    rest, asked = driver.host(DP_NAME)["rest"], len(server.asked())
    assert rest > SECOND and asked, driver.report()
    driver.start(contents[1])
    driver.until_idle(contents[1])
    assert len(server.asked()) == asked, "a resting one was asked"
    driver.quit()


# Fallback.


def test_fallback_joins_at_its_minute(scene):
    """A neighbor's distribution point is asked at its minute, and not before."""
    content = scene.content({"setup.exe": filler(SIZE, 1)})
    near, far = scene.keep(Gate(scene.www)), scene.keep(Gate(scene.www))
    home, neighbor = DP(DP_NAME, near.url + "/404", near=True), DP("far.contoso.test",
                                                                   far.url + "/ok")
    rows = estate([content], [home, neighbor])
    member = instance("SMS_BoundaryGroupSiteSystems", GroupID=16777220, ServerNALPath=neighbor.nal,
                      Flags=0)
    rows.remove(member)
    rows += [
        member.replace("16777220", "16777221"),
        instance("SMS_BoundaryGroup", GroupID=16777221, Name="Far", Flags=0),
        instance("SMS_BoundaryGroupRelationships", SourceGroupID=16777220,
                 DestinationGroupID=16777221, FallbackDP=20),
    ]
    scene.write("policy/estate.xml", document(rows))
    driver = Driver(scene)
    driver.start(content)
    driver.until_idle(content)
    assert driver.job(content)["nextMinute"] == 20, driver.job(content)
    while driver.moved < 19 * MINUTE + 50 * SECOND:
        assert driver.step(content, most=19 * MINUTE + 50 * SECOND - driver.moved)
        driver.until_idle(content)
        assert not far.asked(), "asked after %d s" % (driver.moved / 1000)
    assert near.asked(), "the first was never asked"
    driver.clock(10 * SECOND)
    ended = driver.until_ended(content)
    assert ended["state"] == "Success" and far.asked(), ended
    driver.quit()


# T1: the wall clock jumps.


def through_the_start(scene, jump):
    content, server = one_file(scene, otherwise="ok")
    driver = Driver(scene)
    driver.wall(jump)
    driver.start(content)
    assert driver.until_ended(content)["state"] == "Success"
    assert len(server.asked()) == 1
    driver.quit()


def through_a_transfer(scene, jump):
    content, server = one_file(scene, otherwise="gate")
    driver = Driver(scene)
    driver.start(content)
    server.wait_inside(1)
    driver.wall(jump)
    for _ in range(5):
        assert driver.job(content)["state"] == "DownloadingData"
    server.gate.set()
    assert driver.until_ended(content)["state"] == "Success"
    assert len(server.asked()) == 1, server.ranges()
    driver.quit()


def through_a_wait(scene, jump, looks):
    """After `looks` failures: 1 is a rest of a second, later ones are waits of minutes."""
    content, server = one_file(scene)
    driver = Driver(scene)
    driver.start(content)
    for _ in range(looks):
        assert driver.step(content)
    before, asked = driver.until_idle(content), len(server.asked())
    driver.wall(jump)
    after = driver.until_idle(content)
    assert asked and len(server.asked()) <= asked + (before < 2 * SECOND), "a storm"
    assert after <= max(before, 5 * SECOND), (before, after)
    driver.step(content)
    wait_until(lambda: len(server.asked()) > asked, 20, "the next look")
    server.otherwise = "ok"
    assert driver.step_until_ended(content, 10)["state"] == "Success"
    driver.quit()


def through_a_restart(scene, jump):
    """The record is of another time: the job goes on, neither ended nor begun anew."""
    content, server = one_file(scene)
    driver = Driver(scene)
    guid = driver.start(content)["job"]
    driver.until_idle(content)
    driver.kill()
    server.otherwise = "ok"
    driver = Driver(scene)
    driver.wall(jump)
    assert driver.start(content)["job"] == guid
    ended = driver.step_until_ended(content, 10)
    assert ended["state"] == "Success" and len(server.asked()) >= 2, ended
    driver.quit()


PHASES = {
    "start": through_the_start,
    "transfer": through_a_transfer,
    "rest": lambda scene, jump: through_a_wait(scene, jump, 1),
    "wait": lambda scene, jump: through_a_wait(scene, jump, 7),
    "restart": through_a_restart,
}
JUMPS = {"ten_years_on": YEARS, "ten_years_back": -YEARS, "a_second_back": -1}


def jump_in(phase, jump):
    def test(scene):
        PHASES[phase](scene, JUMPS[jump])
    test.__doc__ = "The wall clock jumps %s at a %s." % (jump.replace("_", " "), phase)
    return test


for _phase in PHASES:
    for _jump in JUMPS:
        globals()["test_t1_%s_%s" % (_phase, _jump)] = jump_in(_phase, _jump)


# T3: times that are unlike today's.

IN_2040 = int(datetime.datetime(2040, 2, 29, 12, 0, 0, tzinfo=datetime.timezone.utc).timestamp())


def wall_at(driver, moment):
    driver.wall(moment - int(time.time()))


def test_t3_after_2038(scene):
    """In 2040 the logs' dates and the record are of 2040, and nothing else is unlike."""
    content, server = one_file(scene)
    driver = Driver(scene, TZ="UTC")
    wall_at(driver, IN_2040)
    driver.start(content)
    driver.until_idle(content)
    saved = driver.record(content)["saved"]
    assert IN_2040 - 2 <= saved <= IN_2040 + 60, saved
    server.otherwise = "ok"
    assert driver.step_until_ended(content, 10)["state"] == "Success"
    text = scene.log_text()
    dates = set(re.findall(r'date="([^"]*)"', text))
    assert dates == {"02-29-2040"}, dates
    assert re.search(r'time="12:0\d:\d\d\.\d{3}\+000"', text), text[:300]
    driver.quit()


def test_t3_record_of_2040(scene):
    """A record of 2040 is believed in 2040."""
    content, server = one_file(scene)
    driver = Driver(scene)
    wall_at(driver, IN_2040)
    guid = driver.start(content)["job"]
    driver.until_idle(content)
    driver.kill()
    server.otherwise = "ok"
    driver = Driver(scene)
    wall_at(driver, IN_2040 + 3600)
    assert driver.start(content)["job"] == guid
    driver.until_idle(content)
    record = driver.record(content)
    assert record is None or 3500 <= record["elapsed"] <= 3800, record
    driver.step_until_ended(content, 10)
    driver.quit()


def retry_after_in_2040(scene, seconds):
    """Milliseconds until the next request after a Retry-After with a date."""
    date = email.utils.formatdate(IN_2040 + seconds, usegmt=True)

    def busy_until(request):
        request.reply("503 Service Unavailable", b"", "Retry-After: " + date)
    fault.BEHAVIOURS["busy-until"] = busy_until
    content, server = one_file(scene, otherwise="ok")
    server.script = ["busy-until"]
    driver = Driver(scene)
    wall_at(driver, IN_2040)
    driver.start(content)
    delay = driver.until_idle(content)
    assert len(server.asked()) == 1 and server.asked()[0]["status"] == 503
    assert driver.step_until_ended(content, 5)["state"] == "Success"
    driver.quit()
    return delay


def test_t3_retry_after_a_date_of_2040(scene):
    """It is honoured as the date that it is."""
    assert 30 * SECOND <= retry_after_in_2040(scene, 40) <= 50 * SECOND


def test_t3_retry_after_a_date_gone_by(scene):
    """A date of the past is no wait."""
    assert retry_after_in_2040(scene, -86400) <= 5 * SECOND


def log_times(scene):
    return re.findall(r'time="(\d\d:\d\d):\d\d\.\d{3}([+-]\d{3})"', scene.log_text())


def through_daylight_saving(scene, change, before, after):
    """A job that begins two seconds before the change and ends after it."""
    content, server = one_file(scene, otherwise="gate")
    driver = Driver(scene, TZ="Europe/Berlin")
    wall_at(driver, change - 60)
    driver.start(content)
    server.wait_inside(1)
    driver.wall(120)
    server.gate.set()
    assert driver.until_ended(content)["state"] == "Success"
    driver.quit()
    times = log_times(scene)
    assert len(server.asked()) == 1 and times
    assert {row for row in times} & {before} and {row for row in times} & {after}, times
    assert {bias for _, bias in times} == {before[1], after[1]}, times


def utc(*fields):
    return int(datetime.datetime(*fields, tzinfo=datetime.timezone.utc).timestamp())


def test_t3_daylight_saving_begins(scene):
    """Spring in Berlin: the log's hour goes from 01 to 03, its bias from -60 to -120."""
    through_daylight_saving(scene, utc(2027, 3, 28, 1), ("01:59", "-060"), ("03:01", "-120"))


def test_t3_daylight_saving_ends(scene):
    """Autumn: from 02 to 02, told apart by the bias."""
    through_daylight_saving(scene, utc(2027, 10, 31, 1), ("02:59", "-120"), ("02:01", "-060"))

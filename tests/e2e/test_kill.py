"""SIGKILL on the way: nothing unverified visible, nothing finished fetched twice."""

import collections
import re
import signal

from harness import DP, SCALE, alone, filler, slow, torture, wait_until

KILLS = 5


def kill_when(scene, reached, what):
    """Runs get until the condition holds, then kills it."""
    process = scene.start()
    wait_until(lambda: reached() or process.poll() is not None, 120, what)
    process.send_signal(signal.SIGKILL)
    _, err = process.communicate()
    assert process.returncode == -signal.SIGKILL, "it ended before %s: %s" % (what, err.decode())
    scene.check_cache()


def names_by_digest(content):
    names = collections.defaultdict(set)
    for name, _, digest in content.rows:
        names[digest].add("/SMS_DP_SMSPKG$/%s/%s" % (content.id, name))
    return names


def check_not_again(content, whole, rows):
    """None of the files that were whole on disk is asked for in `rows`."""
    names = names_by_digest(content)
    finished = {name for digest in whole for name in names[digest]}
    again = [row["path"] for row in rows if row["path"] in finished]
    assert not again, "%d finished files were asked for again, such as %s" % (len(again), again[0])


def many_files(count):
    return {"d%02d/f%05d.dat" % (i % 50, i): filler(4096 + i * 61440 // count, i)
            for i in range(count)}


def kills_of_small_files(scene, count, kills):
    content = scene.content(many_files(count))
    nginx = scene.nginx()
    scene.policy(content, [DP("dp1.contoso.test", nginx.url)])
    asked = 0
    for kill in range(1, kills + 1):
        goal = count * kill // (kills + 1)
        kill_when(scene, lambda: nginx.lines() >= goal, "%d requests" % goal)
        rows = nginx.requests()
        check_not_again(content, before if kill > 1 else set(), rows[asked:])
        before, asked = scene.whole(), len(rows)
        assert count * kill // (kills + 2) // 2 < len(before) < count, len(before)
    result = scene.get()
    assert result.code == 0 and scene.has(content), result
    rows = nginx.requests()
    check_not_again(content, before, rows[asked:])
    again = len(rows) - count
    # What was on its way at a kill: a connection's request, and pieces not yet written.
    assert again <= kills * max(100, count // 100), "%d requests too many" % again
    return result


@alone
@slow("10,000 files, five times killed, each time every file on disk is hashed")
def test_small_files(scene):
    """10,000 small files, killed five times by the server's count, then completed."""
    kills_of_small_files(scene, 10000 // SCALE, KILLS)


def kills_of_a_large_file(scene, size, rate):
    path = scene.path("large.bin")
    piece = filler(1 << 20, 3)
    with open(path, "wb") as file:
        for i in range(size >> 20):
            file.write(i.to_bytes(8, "big") + piece[8:])
    content = scene.content({"large.wim": path})
    nginx = scene.nginx(limit_rate=rate)
    scene.policy(content, [DP("dp1.contoso.test", nginx.url)])
    for kill in range(1, KILLS + 1):
        goal = size * kill // (KILLS + 1)
        kill_when(scene, lambda: scene.staged() >= goal, "%d bytes" % goal)
    kept = scene.staged()
    result = scene.get(timeout=300)
    assert result.code == 0 and scene.has(content), result
    rows = nginx.requests()
    assert len(rows) == KILLS + 1, rows
    for row in rows[1:]:
        assert row["status"] == 206 and row["range"] != "-" and row["ifRange"] != "-", row
    starts = [int(re.fullmatch(r"bytes=(\d+)-", row["range"])[1]) for row in rows[1:]]
    assert starts == sorted(starts) and starts[-1] == kept, (starts, kept)
    assert result.json["bytesFromNetwork"] == size - kept, result


@slow("256 MiB at 64 MiB a second, so that there is a middle to be killed in")
def test_large_file(scene):
    """256 MiB, killed five times at sixths of what lies in Staging, gone on with by range."""
    size = (256 << 20) // SCALE >> 20 << 20
    kills_of_a_large_file(scene, size, "%dk" % (65536 // SCALE))


@torture
@alone
def test_very_large_file(scene):
    """The same with 2 GiB."""
    kills_of_a_large_file(scene, 2 << 30, "400m")

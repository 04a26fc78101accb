"""Drives tests/driver/jobs.c: jobs as an agent has them, on clocks that move when a test says so.

Each command is one line and has one line of JSON for an answer; the clocks also run by themselves,
so what a test compares in milliseconds it compares in seconds or more.
"""

import json
import os
import queue
import subprocess
import threading

import harness

SECOND, MINUTE, HOUR, DAY = 1000, 60000, 3600000, 86400000
ENDED = ("Success", "Failed", "Cancelled")
WAITING = ("WaitingContentLocations", "WaitingDisk", "Suspended")


def program():
    *before, nearpoint = harness.program()
    return [*before, os.path.join(os.path.dirname(nearpoint), "tests/jobs"), "jobs"]


class Driver:
    """The program with a scene's policy and folders; the scene ends it."""

    def __init__(self, scene, prefix=(), **env):
        command = [*prefix, *program(), *scene.options, "--policy", scene.path("policy"),
                   *scene.MACHINE, *scene.places()]
        environment = dict(scene.environment(), **env)
        self.scene, self.answers, self.ends = scene, queue.Queue(), {}
        self.changed = threading.Condition()
        self.moved = 0  # how far the monotonic clock was moved
        self.errors = scene.path("driver.err")
        with open(self.errors, "ab") as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=errors, text=True,
                                            env=environment, cwd=scene.folder)
        scene.keep(self)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        assert self._answer("at the start")["ready"]

    def _read(self):
        for line in self.process.stdout:
            value = json.loads(line)
            if isinstance(value.get("ended"), str):
                with self.changed:
                    self.ends[value["ended"]] = value
                    self.changed.notify_all()
            else:
                self.answers.put(value)
        self.answers.put(None)

    def _answer(self, line):
        try:
            value = self.answers.get(timeout=60)
        except queue.Empty:
            raise AssertionError("no answer to '%s' in 60 s" % line) from None
        if value is None:
            self.process.wait(20)
            with open(self.errors, encoding="utf-8", errors="replace") as errors:
                raise AssertionError("the driver ended with %s, '%s'\n%s" % (
                    self.process.returncode, line, errors.read()[-4000:]))
        return value

    def ask(self, *words, fails=False):
        line = " ".join(str(word) for word in words)
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        value = self._answer(line)
        failed = "code" in (value.get("error") or {}) and "job" not in value
        assert failed == fails, (line, value)
        return value

    # Commands.

    def start(self, content, priority="Normal", wait="held"):
        self.ends.pop(content.id, None)
        return self.ask("start", content.id, priority, wait)

    def suspend(self, content):
        return self.ask("suspend", content.id)

    def resume(self, content):
        return self.ask("resume", content.id)

    def cancel(self, content):
        return self.ask("cancel", content.id)

    def clock(self, milliseconds):
        self.moved += milliseconds
        return self.ask("clock", milliseconds)

    def boot(self, milliseconds):
        return self.ask("boot", milliseconds)

    def wall(self, seconds):
        return self.ask("wall", seconds)

    def report(self):
        return self.ask("report")

    def job(self, content):
        for job in self.report()["jobs"]:
            if job["content"] == content.id:
                return job
        raise AssertionError("no job of " + content.id)

    def host(self, name):
        """As the scheduler sees a distribution point; None where it was never asked."""
        for host in self.report()["hosts"]:
            if host["name"] == name:
                return host
        return None

    # Waiting.

    def until(self, content, condition, seconds=20):
        """Until condition(job); the job as it then is."""
        seen = []

        def holds():
            seen[:] = [self.job(content)]
            return condition(seen[0])
        try:
            harness.wait_until(holds, seconds, "a job's state")
        except AssertionError as error:
            raise AssertionError("%s; it is %s" % (error, seen)) from None
        return seen[0]

    def until_state(self, content, state, seconds=20):
        return self.until(content, lambda job: job["state"] == state, seconds)

    def until_ended(self, content, seconds=60):
        """The job as it ended."""
        with self.changed:
            there = self.changed.wait_for(lambda: content.id in self.ends, seconds)
        assert there, "no end in %d s: %s" % (seconds, self.report())
        return self.ends[content.id]

    def until_idle(self, content, seconds=30):
        """Until the job ended, or nothing will happen before a clock moves. Milliseconds until
        something does; None: it ended."""
        found, still = [], [0]

        def idle():
            report = self.report()
            job = [job for job in report["jobs"] if job["content"] == content.id][0]
            hosts, delay = report["hosts"], job["nextLook"] - report["now"]
            at_rest = delay > 0 and not any(host["busy"] for host in hosts)
            # Nobody tells of files that are being opened: a rest of no host's is what lasts.
            still[0] = still[0] + 1 if at_rest else 0
            rests = any(host["rest"] for host in hosts) or still[0] >= 30
            waits = job["state"] in WAITING or (job["state"] == "DownloadingData" and rests)
            found[:] = [None if job["state"] in ENDED else delay]
            return job["state"] in ENDED or (at_rest and waits)
        try:
            harness.wait_until(idle, seconds, "a job that waits")
        except AssertionError as error:
            raise AssertionError("%s: %s" % (error, self.report())) from None
        return found[0]

    def step(self, content, most=None):
        """Moves the clocks to where the job looks again, at most by `most`. False: it ended."""
        delay = self.until_idle(content)
        if delay is None:
            return False
        self.clock(delay + 1 if most is None else min(delay + 1, most))
        return True

    def step_until_ended(self, content, most=2000):
        for _ in range(most):
            if not self.step(content):
                return self.until_ended(content)
        raise AssertionError("no end after %d looks: %s" % (most, self.report()))

    # What lies on the disk.

    def record_path(self, content):
        return self.scene.path("state/jobs/%s.json" % content.folder)

    def record(self, content):
        """The job's record, or None."""
        try:
            with open(self.record_path(content), encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return None

    # The end.

    def kill(self):
        self.process.kill()
        self.process.wait(20)
        self.reader.join(20)

    def quit(self):
        """In order, with what sanitizers have to say."""
        self.process.stdin.write("quit\n")
        self.process.stdin.flush()
        code = self.process.wait(60)
        with open(self.errors, encoding="utf-8", errors="replace") as errors:
            assert code == 0, "exit %s\n%s" % (code, errors.read()[-4000:])
        self.scene.check_cache()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(20)
        self.reader.join(20)
        self.process.stdin.close()
        self.process.stdout.close()

"""A small disk of the program's own."""

import os
import subprocess

from harness import Skip


class SmallDisk:
    """A file system of its own with so many bytes (and inodes), seen by the program only."""

    def __init__(self, scene, size, inodes=None):
        self.point = scene.path("disk")
        os.mkdir(self.point)
        options = "size=%d,mode=700%s" % (size, ",nr_inodes=%d" % inodes if inodes else "")
        # A process that keeps the mount alive from one run to the next.
        self.holder = subprocess.Popen(
            ["unshare", "-rm", "sh", "-c",
             "mount -t tmpfs -o %s none '%s' && echo ready && exec sleep 600"
             % (options, self.point)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            why = self.holder.stderr.read().strip()
            self.holder.communicate()
            raise Skip("no file system of our own: " + why)
        scene.keep(self)

    @property
    def enter(self):
        return ["nsenter", "-U", "-m", "--preserve-credentials", "-t", str(self.holder.pid)]

    def run(self, *command, check=True):
        return subprocess.run([*self.enter, *command], check=check, capture_output=True, text=True,
                              cwd="/")

    def remount(self, options):
        self.run("mount", "-o", "remount," + options, "none", self.point)

    def grow(self, size):
        self.remount("size=%d" % size)

    def fill(self):
        """Takes all the bytes that are left."""
        self.run("sh", "-c", "cat /dev/zero > '%s/fill'" % self.point, check=False)

    def take_inodes(self):
        self.run("sh", "-c", "cd '%s' && mkdir many && cd many && i=0; "
                 "while : > $i; do i=$((i+1)); done" % self.point, check=False)

    def free(self):
        self.run("rm", "-rf", self.point + "/fill", self.point + "/many")

    def shows(self, path):
        return self.run("ls", os.path.join(self.point, path), check=False).stdout.split()

    def close(self):
        self.holder.kill()
        self.holder.communicate()

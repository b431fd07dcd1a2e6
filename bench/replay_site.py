"""What the queries of both peers are told about the site: the environment file as rows, and where the logs are.

In: a folder that `offbound simulate volume` wrote. Out: plain lists. Owns: the words that decide (shells, servers,
paths where credentials lie), so that both peers ask the same.
"""
import glob
import os
import tomllib

SHELLS = ["sh", "bash", "dash", "zsh", "ash", "busybox"]
SERVERS = ["java", "nginx", "node", "python", "python3", "python3.12", "php-fpm", "httpd", "apache2", "ruby", "envoy"]
CREDENTIAL_PATH = "/run/secrets/kubernetes.io/serviceaccount/"
WRITABLE_PATHS = ("/tmp/", "/var/tmp/", "/dev/shm/")
PROBED_DESTINATIONS = 3
PROBE_SECONDS = 300
CROWD = 3
HISTORY_SECONDS = 24 * 3600
CLOCK_ERROR_SECONDS = 2


class Site:
    """A folder of logs with its environment."""

    def __init__(self, folder):
        with open(os.path.join(folder, "environment.toml"), "rb") as file:
            environment = tomllib.load(file)
        workloads = environment.get("workload", [])
        self.folder = folder
        #: Every name of a workload, and its id.
        self.aliases = [(name, workload["id"]) for workload in workloads for name in [workload["id"], *workload.get("aliases", [])]]
        #: Workload, and a program that may read its credentials.
        self.readers = [(workload["id"], exe) for workload in workloads for exe in workload.get("credential_readers", [])]
        #: Workloads whose baseline requires mandatory access control.
        self.enforced = [workload["id"] for workload in workloads if "lsm" in workload.get("baseline", [])]
        #: Prefix or full text of an address, and the destination that it names.
        self.destinations = [(text.rstrip("*"), text.endswith("*"), known["name"])
                             for known in environment.get("destination", []) for text in known["match"]]
        #: Calls that are declared: workload and destination.
        self.allowed = [(allow.get("from"), to) for allow in environment.get("allow", []) for to in allow.get("to", [])]

    def path(self, name):
        """One log file."""
        return os.path.join(self.folder, name)

    def host_logs(self):
        """Logs of the Linux audit subsystem."""
        return [file for file in self.paths("*audit.log") if not file.endswith("k8s-audit.log")]

    def paths(self, pattern):
        """Log files of that pattern, in order."""
        return sorted(glob.glob(self.path(pattern)))

"""A proxy before the server takes two descriptors for each connection: doctor says that it assumes one, and the probe finds out."""
import os
import shutil
import subprocess
import unittest

from common import Faultd, process

from test_doctor import Shell, may_raise_limits, plan, rung, typed
from test_probe import Probe

HAPROXY = """
global
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 1m
  timeout server 1m
  timeout tunnel 1m
listen front
  bind 127.0.0.1:{port}
  server back 127.0.0.1:{back}
"""
NGINX = """
daemon off; worker_processes 3; worker_rlimit_nofile 200; pid {folder}/pid; error_log /dev/null;
events {{ worker_connections 4000; }}
http {{
  access_log off; client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
  server {{
    listen 127.0.0.1:{port} backlog=4096REUSEPORT;
    location / {{ proxy_pass http://127.0.0.1:{back}; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }}
  }}
}}
"""


class Proxied(Probe):
    def proxied(self, command, conf, soft, raises=True):
        """A proxy before a server: without a probe one descriptor is assumed, with it two are known, and reached."""
        name = "the target's RLIMIT_NOFILE"
        with Faultd("--backlog", "4096") as back, Shell() as shell:
            front = process.free_port()
            (shell.folder / "conf").write_text(conf.format(port=front, back=back.port, folder=shell.folder))
            with process.start(command(shell.folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as proxy:
                try:
                    process.wait_until(lambda: process.is_listening(front), 20, f"{command} listening")
                    if soft:
                        hard = int(shell(f"prlimit --pid {proxy.pid} --nofile --noheadings --output HARD"))
                        shell(f"prlimit --pid {proxy.pid} --nofile={soft}:{hard}")
                    conf = plan(500, url=f"ws://127.0.0.1:{front}/")
                    assumed = rung(shell.doctor(conf), name)
                    self.assertIn("one for each connection is assumed", assumed["detail"])
                    known = shell.doctor(conf, "--probe", "--targets")
                    made = self.hit(known["probe"], name)
                    first = known["rungs"][0]
                    self.assertEqual((made["target_descriptors"], made["errno"], first["clients"]), (2, None, made["predicted"]))
                    self.assertEqual((first["limit"], typed(first) is not None), (name, raises), first)
                    self.assertAlmostEqual(made["predicted"], assumed["clients"] / 2, delta=3)
                    if raises:
                        shell(typed(first))
                        after = self.probe(shell, conf, "--targets")
                        self.assertEqual((after["opened"], after["refusal"], after["matches"]), (500, None, True))
                finally:
                    proxy.terminate()

    @unittest.skipUnless(shutil.which("haproxy"), "haproxy is needed")
    def test_descriptors_of_haproxy(self):
        self.proxied(lambda folder: ["haproxy", "-db", "-f", folder / "conf"], HAPROXY, 400)

    @unittest.skipUnless(shutil.which("nginx"), "nginx is needed")
    def test_descriptors_of_the_workers_of_nginx(self):
        """Each has its own limit, and, with reuseport, its own listener; they are another user's."""
        for reuseport in ("", " reuseport"):
            with self.subTest(reuseport):
                conf = NGINX.replace("REUSEPORT", reuseport)
                self.proxied(lambda folder: ["nginx", "-p", folder, "-c", folder / "conf"], conf, None, may_raise_limits() or os.geteuid() != 0)


if __name__ == "__main__":
    unittest.main()

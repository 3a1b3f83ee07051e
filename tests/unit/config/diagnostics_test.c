/* What is wrong with a config, and how that is said: exact sentences with their places. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/config/load.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define R "run: {duration: 1m}\n"
#define T "targets: {t: {url: 'ws://h/'}}\n"
#define G "groups: {g: {kind: websocket, connections: 1}}\n"
#define RT R T
#define HT R "targets: {t: {url: 'http://h/'}}\n"

static const char *test_getenv(const char *name) {
  return strcmp(name, "LATIN1") == 0 ? "caf\xe9" : NULL;
}

/* A sentence is one line, however long. */
/* clang-format off */
static const struct {
  const char *text, *sentences; /* one a line */
} cases[] = {
    /* whole files */
    {"",
     "t.yaml:1:1: the config is empty; expected a mapping with run, targets and groups"},
    {"- a\n",
     "t.yaml:1:1: the config is not a mapping; expected a mapping with run, targets and groups"},
    {"hello\n",
     "t.yaml:1:1: the config is not a mapping; expected a mapping with run, targets and groups"},
    {"{}\n",
     "t.yaml:1:1: run: missing; expected a mapping of keys to values\n"
     "t.yaml:1:1: groups: missing; expected a mapping of names to settings"},
    {"run: {duration: 1m}\n---\nrun: {}\n",
     "t.yaml:2:1: a second YAML document; expected one"},
    {"run: {duration: 1m\ngroups: {}\n",
     "t.yaml:2:7: not valid YAML: did not find expected ',' or '}', while parsing a flow mapping begun in line 1; close the { or [, and put a text that holds one in quotes"},
    {"run:\n\tduration: 1m\n",
     "t.yaml:2:1: not valid YAML: found character that cannot start any token, while scanning for the next token; a tab stands here: indent with spaces"},
    {"run: {duration: 1m}\nrun: {duration: 2m}\ngroups: {}\n",
     "t.yaml:2:1: run: given twice; the first is in line 1, expected one of them\n"
     "t.yaml:3:9: groups: 0 items; expected 1 to 256"},
    {"run: &r {duration: *r}\n",
     "t.yaml:1:20: *r refers to no anchor; expected &r on a value that is complete before this place"},
    {"run: !int 5\n",
     "t.yaml:1:6: a YAML tag (!...) means nothing here; expected the value without it"},
    {"a: caf\xe9\n",
     "t.yaml:1:7: not UTF-8 text: incomplete UTF-8 octet sequence; save the file as UTF-8"},
    {"? [a]\n: 1\n",
     "t.yaml:1:3: a key must be plain text; expected KEY: VALUE"},
    {"run: {name: \"a\\0b\"}\n",
     "t.yaml:1:13: a text holds a zero byte; expected text without one (a message can carry it as `binary:`)"},
    {"duration: 5s\nrun: {duration: 1m}\ngroups: {}\n",
     "t.yaml:1:1: duration: unknown key here; there is run.duration\n"
     "t.yaml:3:9: groups: 0 items; expected 1 to 256"},
    /* numbers, durations, words */
    {"run: {duration: 30}\n" T G,
     "t.yaml:1:17: run.duration: \"30\" has no unit; expected a number with its unit (us, ms, s, m, h, d), such as 250ms or 1h30m"},
    {"run: {duration: \"8 hours\"}\n" T G,
     "t.yaml:1:17: run.duration: \"8 hours\" is not a duration; expected a number with its unit (us, ms, s, m, h, d), such as 250ms or 1h30m"},
    {"run: {duration: -5s}\n" T G,
     "t.yaml:1:17: run.duration: \"-5s\" is out of range; expected 100ms to 365d"},
    {"run: {duration: 400d}\n" T G,
     "t.yaml:1:17: run.duration: \"400d\" is out of range; expected 100ms to 365d"},
    {"run: {duration: [1s]}\n" T G,
     "t.yaml:1:17: run.duration: a list stands here; expected a number with its unit (us, ms, s, m, h, d), such as 250ms or 1h30m"},
    {"run: {duration:}\n" T G,
     "t.yaml:1:15: not valid YAML: found unexpected ':', while scanning a plain scalar"},
    {"run: {sed: 1}\n" T G,
     "t.yaml:1:1: run.duration: missing; expected a number with its unit (us, ms, s, m, h, d), such as 250ms or 1h30m\n"
     "t.yaml:1:7: run.sed: unknown key; did you mean run.seed?"},
    {"run: {duration: 1m, seed: -1}\n" T G,
     "t.yaml:1:27: run.seed: \"-1\" is out of range; expected 0 to 18446744073709551615"},
    {"run: {duration: 1m, seed: 1.5}\n" T G,
     "t.yaml:1:27: run.seed: \"1.5\" is not a whole number; expected a whole number in digits alone, such as 5000"},
    {"run: {duration: 1m, seed: \"7\"}\n" T G,
     "t.yaml:1:27: run.seed: \"7\" is text in quotes; expected it without quotes"},
    {"run: {duration: 1m, seed: 0x10}\n" T G,
     "t.yaml:1:27: run.seed: \"0x10\" is not a whole number; expected a whole number in digits alone, such as 5000"},
    {"run: {duration: 1m, seed: 99999999999999999999}\n" T G,
     "t.yaml:1:27: run.seed: \"99999999999999999999\" is out of range; expected 0 to 18446744073709551615"},
    {"run: {duration: 1m, workers: many}\n" T G,
     "t.yaml:1:30: run.workers: \"many\" is not a whole number; expected a whole number in digits alone, such as 5000, or auto"},
    {"run: {duration: 1m, interval: 1500ms}\n" T G,
     "t.yaml:1:31: run.interval: must be whole seconds"},
    {"run: {duration: 1m, interval: 5m}\n" T G,
     "t.yaml:1:31: run.interval: must not be longer than run.duration"},
    {"run: {duration: 1m, warmup: 1m}\n" T G,
     "t.yaml:1:29: run.warmup: must be shorter than run.duration"},
    {"run: {duration: 1m, connect_rate: 100}\n" T G,
     "t.yaml:1:35: run.connect_rate: \"100\" is not a rate; expected a number per second, minute or hour, such as 10/s, or auto"},
    {"run: {duration: 1m, name: a/b}\n" T G,
     "t.yaml:1:27: run.name: \"a/b\" is not accepted; expected letters, digits, ., - and _, beginning with a letter or digit"},
    {"run: {duration: 1m, store: ''}\n" T G,
     "t.yaml:1:28: run.store: \"\" is not accepted; expected text that is not empty"},
    /* targets */
    {R "targets: {t: {url: h}}\n" G,
     "t.yaml:2:20: targets.t.url: \"h\" is not a URL; expected its scheme first, as in wss://host/path"},
    {R "targets: {t: {url: wsx://h}}\n" G,
     "t.yaml:2:20: targets.t.url: the scheme of \"wsx://h\" is not known; expected ws, wss, http, https, tcp or tls; did you mean ws?"},
    {R "targets: {t: {url: ws://}}\n" G,
     "t.yaml:2:20: targets.t.url: \"ws://\" has no host; expected SCHEME://HOST:PORT/PATH"},
    {R "targets: {t: {url: 'ws+unix://run/app.sock'}}\n" G,
     "t.yaml:2:20: targets.t.url: the unix socket of \"ws+unix://run/app.sock\" is not accepted; expected a path from the root, such as "
     "/run/app.sock, or @NAME"},
    {R "targets: {t: {url: 'ws+unix:///a:/', unix: /b, proxy: 'http://p:1'}}\n" G,
     "t.yaml:2:44: targets.t.unix: must be left out with a URL that names the socket itself\n"
     "t.yaml:2:55: targets.t.proxy: must be left out for a unix socket, which is on this host"},
    {R "targets: {t: {url: 'ws+unix:///a:/', addresses: [10.0.0.1]}}\n" G,
     "t.yaml:2:49: targets.t.addresses: must be left out with a unix socket, which has none, and with a proxy, which looks the "
     "name up itself"},
    {R "targets: {t: {url: 'ws+unix:///a'}}\n"
       "groups: {g: {kind: websocket, connections: 1, source_addresses: [127.0.0.2]}}\n",
     "t.yaml:3:65: groups.g.source_addresses: must be left out: the target is a unix socket, which is not connected to from an address"},
    {R "targets: {t: {url: 'ws://h', proxy: 'socks5://u:hunter2@p:1'}}\n" G,
     "t.yaml:2:37: targets.t.proxy: \"socks5://***@p:1\" is not a proxy's URL; expected http://[USER:PASSWORD@]HOST:PORT"},
    {R "targets: {t: {url: 'ws://h', proxy: 'http://u:hunter2@p'}}\n" G,
     "t.yaml:2:37: targets.t.proxy: \"http://***@p\" has no port; expected http://[USER:PASSWORD@]HOST:PORT"},
    {R "targets: {t: {url: 'ws://h', proxy: 'http://p:1/x'}}\n" G,
     "t.yaml:2:37: targets.t.proxy: \"http://p:1/x\" has a path; expected none behind a proxy's port"},
    {R "targets: {t: {url: ws://u:p@h/}}\n" G,
     "t.yaml:2:20: targets.t.url: \"ws://***@h/\" holds a user name or password; expected it in headers, as in Authorization: \"Basic ${env.BASIC}\""},
    {R "targets: {t: {url: 'ws://::1/'}}\n" G,
     "t.yaml:2:20: targets.t.url: \"ws://::1/\" has more than one colon after the host; expected an IPv6 address in brackets, as in ws://[::1]:8080/"},
    {R "targets: {t: {url: 'ws://[::1'}}\n" G,
     "t.yaml:2:20: targets.t.url: \"ws://[::1\" has no ] after its IPv6 address; expected [ADDRESS]:PORT"},
    {R "targets: {t: {url: 'ws://[h]/'}}\n" G,
     "t.yaml:2:20: targets.t.url: \"ws://[h]/\" has something else than an IPv6 address in its brackets"},
    {R "targets: {t: {url: 'ws://h:0/'}}\n" G,
     "t.yaml:2:20: targets.t.url: \"ws://h:0/\" has a wrong port; expected a number from 1 to 65535"},
    {R "targets: {t: {url: 'ws://h:70000/'}}\n" G,
     "t.yaml:2:20: targets.t.url: \"ws://h:70000/\" has a wrong port; expected a number from 1 to 65535"},
    {R "targets: {t: {url: 'ws://h:x/'}}\n" G,
     "t.yaml:2:20: targets.t.url: \"ws://h:x/\" has a wrong port; expected a number from 1 to 65535"},
    {R "targets: {t: {url: 'ws://h/#top'}}\n" G,
     "t.yaml:2:20: targets.t.url: \"ws://h/#top\" has a fragment, which is never sent; expected no #"},
    {R "targets: {t: {url: 'ws://h/a b'}}\n" G,
     "t.yaml:2:20: targets.t.url: the path of \"ws://h/a b\" is not accepted; expected a path that begins with / and holds no spaces, control characters or #; escape them as %XX"},
    {R "targets: {t: {url: 'tcp://h'}}\n" G,
     "t.yaml:2:20: targets.t.url: \"tcp://h\" has no port; expected tcp://HOST:PORT or tls://HOST:PORT"},
    {R "targets: {t: {url: http://h/}}\n" G,
     "t.yaml:3:20: groups.g.kind: the URL of target t is http://; kind websocket expects ws:// or wss://"},
    {R "targets: {t: {}}\n" G,
     "t.yaml:2:11: targets.t.url: missing; expected a URL such as wss://host:8443/path"},
    {R "targets: {t: {url: wss://h, tls: {verify: yes}}}\n" G,
     "t.yaml:2:43: targets.t.tls.verify: \"yes\" is not a boolean here, whatever YAML 1.1 says; expected true or false, without quotes"},
    {R "targets: {t: {url: wss://h, tls: {verify: \"true\"}}}\n" G,
     "t.yaml:2:43: targets.t.tls.verify: \"true\" is not a boolean; expected true or false, without quotes"},
    {R "targets: {t: {url: wss://h, tls: {cert: /nowhere/c.pem}}}\n" G,
     "t.yaml:2:41: targets.t.tls.cert: cannot read \"/nowhere/c.pem\": No such file or directory; expected a file, relative to the config's folder"},
    {R "targets: {t: {url: wss://h, tls: {ca: /dev/null}}}\n" G,
     "t.yaml:2:39: targets.t.tls.ca: \"/dev/null\" is not a regular file; expected one"},
    {R "targets: {t: {url: ws://h, tls: {verify: true}}}\n" G,
     "warning: t.yaml:2:33: targets.t.tls: has no effect: the URL of this target is not encrypted"},
    {R "targets: {t: {url: ws://h, redirects: 3, tls: {verify: true}}, u: {url: ws://h, tls: {verify: true}}}\n"
     "groups: {g: {kind: websocket, target: t, connections: 1}, h: {kind: websocket, target: u, connections: 1}}\n",
     "warning: t.yaml:2:86: targets.u.tls: has no effect: the URL of this target is not encrypted"},
    {R T "watch: {metrics: 'http+unix:///run/m.sock:/metrics', names: [up]}\n" G,
     "t.yaml:3:18: watch.metrics: \"http+unix:///run/m.sock:/metrics\" cannot be fetched; expected http://HOST:PORT/PATH"},
    {R "targets: {t: {url: ws://h, family: 4}}\n" G,
     "t.yaml:2:36: targets.t.family: \"4\" is not known; expected any, ipv4 or ipv6"},
    {R "targets: {t: {url: ws://h, family: ipv6, addresses: [10.0.0.1]}}\n" G,
     "t.yaml:2:53: targets.t.addresses: must be of the family that `family` asks for"},
    {R "targets: {t: {url: ws://h, addresses: [h2]}}\n" G,
     "t.yaml:2:40: targets.t.addresses[0]: \"h2\" is not accepted; expected a numeric IPv4 or IPv6 address, such as 10.0.0.7"},
    {R "targets: {t: {url: ws://h, addresses: 10.0.0.1}}\n" G,
     "t.yaml:2:39: targets.t.addresses: \"10.0.0.1\" stands here; expected a list of texts, such as [one, two]"},
    {R "targets: {t: {url: ws://h, headers: {Sec-WebSocket-Protocol: x}}}\n" G,
     "t.yaml:2:38: targets.t.headers.Sec-WebSocket-Protocol: longhaul writes this header itself; expected subprotocols"},
    {R "targets: {t: {url: ws://h, headers: {Sec-WebSocket-Key: x}}}\n" G,
     "t.yaml:2:38: targets.t.headers.Sec-WebSocket-Key: longhaul writes this header itself; expected it to be left out"},
    {R "targets: {t: {url: ws://h, headers: {'a b': x, A: '${tok}', a: y, C: {}}}}\n" G,
     "t.yaml:2:38: targets.t.headers.a b: \"a b\" is not a header name; expected letters, digits and !#$%&'*+-.^_`|~\n"
     "t.yaml:2:51: targets.t.headers.A: \"${tok}\" is not a known variable; expected ${token}, ${seq}, ${client}, ${group}, ${time_ms}, ${uuid}, ${rand:1..100}, ${data.COLUMN}, ${login.NAME} or ${env.NAME}\n"
     "t.yaml:2:61: targets.t.headers.a: given twice but for its case; expected one of them\n"
     "t.yaml:2:70: targets.t.headers.C: a mapping stands here; expected the header's text"},
    {R "targets: {t: {url: ws://h, headers: {Cookie: \"a\\nb\"}}}\n" G,
     "t.yaml:2:46: targets.t.headers.Cookie: \"***\" is not accepted; expected text in one line, without control characters"},
    {R "targets: {t: {url: '${env.NOPE}'}}\n" G,
     "t.yaml:2:20: targets.t.url: the environment variable NOPE is not set; expected it in the environment, or ${env.NOPE:-default}"},
    /* everything that is wrong in one text, not its first unset variable alone; one that is unset twice is told once */
    {R "targets: {t: {url: ws://h, headers: {A: '${env.NOPE} ${tokn} ${token} ${env.NO} ${env.NOPE} $${tokn} ${data.x}'}}}\n" G,
     "t.yaml:2:41: targets.t.headers.A: the environment variable NOPE is not set; expected it in the environment, or ${env.NOPE:-default}\n"
     "t.yaml:2:41: targets.t.headers.A: the environment variable NO is not set; expected it in the environment, or ${env.NO:-default}\n"
     "t.yaml:2:41: targets.t.headers.A: \"${tokn}\" is not a known variable; did you mean ${token}?"},
    {R "targets: {t: {url: '${env.}'}}\n" G,
     "t.yaml:2:20: targets.t.url: \"${env.}\" is not a variable; expected ${env.NAME} or ${env.NAME:-default}"},
    {R "targets: {t: {url: 'ws://${env.LATIN1}'}}\n" G,
     "t.yaml:2:20: targets.t.url: the environment variable LATIN1 is not UTF-8; expected text"},
    {R "targets: {t: {url: 'ws://${client}/'}}\n" G,
     "t.yaml:2:20: targets.t.url: \"ws://${client}/\" holds a variable, but only ${env.NAME} is known here; expected $${ for a plain ${"},
    /* groups */
    {RT "groups: {g: {kind: websocket, connections: 1, conections: 5}}\n",
     "t.yaml:3:47: groups.g.conections: unknown key; did you mean groups.g.connections?"},
    {RT "groups: {g: {kind: websocket, connections: 1, timeout: 5s}}\n",
     "t.yaml:3:47: groups.g.timeout: unknown key here; there is groups.*.ping.timeout"},
    {RT "groups: {g: {kind: websocket, connections: 1, frobnicate: 1}}\n",
     "t.yaml:3:47: groups.g.frobnicate: unknown key; expected kind, target, connections, path, headers, redirects, cookies, subprotocols, deflate, source_addresses, ramp, lifetime, lifetime_jitter, ping, connect_timeout, tls_timeout, upgrade_timeout, request_timeout, stall_timeout, user_timeout, send_buffer, receive_buffer, message_max, reconnect, data, login, simulate, incoming, messages"},
    /* pushed messages */
    {RT "groups: {g: {kind: websocket, connections: 1, incoming: {}}}\n",
     "t.yaml:3:57: groups.g.incoming: needs at least one of sequence, gap_max and timestamp"},
    {RT "groups: {g: {kind: websocket, connections: 1, incoming: {scope: client, gap_max: 5s}}}\n",
     "t.yaml:3:65: groups.g.incoming.scope: needs sequence beside it"},
    {RT "groups: {g: {kind: websocket, connections: 1, incoming: {sequence: {}}}}\n",
     "t.yaml:3:68: groups.g.incoming.sequence: needs field, regex or both, or else offset"},
    {RT "groups: {g: {kind: websocket, connections: 1, incoming: {sequence: {offset: 0, regex: x}}}}\n",
     "t.yaml:3:68: groups.g.incoming.sequence: needs field, regex or both, or else offset"},
    {RT "groups: {g: {kind: websocket, connections: 1, incoming: {sequence: {field: id}}}}\n",
     "t.yaml:3:76: groups.g.incoming.sequence.field: may be id with kind sse only, whose events have one"},
    {RT "groups: {g: {kind: websocket, connections: 1, incoming: {sequence: {field: seq}}}}\n",
     "t.yaml:3:76: groups.g.incoming.sequence.field: \"seq\" is not accepted; expected a JSON pointer such as /seq, parts that each begin with /, or id"},
    {RT "groups: {g: {kind: websocket, connections: 1, incoming: {sequence: {field: /seq, width: 2}}}}\n",
     "t.yaml:3:68: groups.g.incoming.sequence: has width and endian with offset only"},
    {RT "groups: {g: {kind: websocket, connections: 1, incoming: {sequence: {regex: '('}}}}\n",
     "t.yaml:3:76: groups.g.incoming.sequence.regex: \"(\" is not accepted; expected an extended regular expression (POSIX)"},
    {RT "groups: {g: {kind: websocket, connections: 1, incoming: {sequence: {regex: '((a{1,99}){5}){5,99}'}}}}\n",
     "t.yaml:3:76: groups.g.incoming.sequence.regex: \"((a{1,99}){5}){5,99}\" is not accepted; expected one of at most 10000 "
     "characters once repetitions are written out, and 100 parentheses deep"},
    {RT "groups: {g: {kind: websocket, connections: 1, incoming: {timestamp: {offset: 8, unit: rfc3339}}}}\n",
     "t.yaml:3:87: groups.g.incoming.timestamp.unit: is text with rfc3339, which offset cannot read"},
    {RT "groups: {g: {kind: websocket, connections: 1, incoming: {timestamp: {field: /t, endian: big}}}}\n",
     "t.yaml:3:69: groups.g.incoming.timestamp: has width and endian with offset only"},
    {R "targets: {t: {url: 'tcp://h:1'}}\ngroups: {g: {kind: tcp, connections: 1, incoming: {gap_max: 5s}}}\n",
     "warning: t.yaml:3:51: groups.g.incoming: has no effect: it belongs to kinds websocket and sse"},
    {RT "groups: {g: {kind: websocket, connections: 1, path: x}}\n",
     "t.yaml:3:53: groups.g.path: \"x\" is not accepted; expected a path that begins with / and holds no spaces, control characters or #; escape them as %XX"},
    {RT "groups: {g: {kind: websocket, connections: 0}}\n",
     "t.yaml:3:44: groups.g.connections: \"0\" is out of range; expected 1 to 16000000"},
    {"run: {duraton: 1s}\ntargts: {t: {url: ws://h}}\n"
     "groups: {g: {kind: websocket, conections: 5, messages: [{evry: 1s, txt: x}]}}\n",
     "t.yaml:1:7: run.duraton: unknown key; did you mean run.duration?\n"
     "t.yaml:2:1: targts: unknown key; did you mean targets?\n"
     "t.yaml:3:31: groups.g.conections: unknown key; did you mean groups.g.connections?\n"
     "t.yaml:3:58: groups.g.messages[0].evry: unknown key; did you mean groups.g.messages[0].every?\n"
     "t.yaml:3:68: groups.g.messages[0].txt: unknown key; did you mean groups.g.messages[0].text?"},
    {RT "groups: {g: {kind: websocket, connections: 1, target: u}}\n",
     "t.yaml:3:55: groups.g.target: no target is called \"u\"; expected t"},
    {RT "groups: {g: {kind: websocket, connections: 1, target: tt}}\n",
     "t.yaml:3:55: groups.g.target: no target is called \"tt\"; did you mean t?"},
    {RT "groups: {g: {kind: websocket, connections: 1, ramp: {}}}\n",
     "t.yaml:3:53: groups.g.ramp: needs exactly one of over, rate and stages"},
    {RT "groups: {g: {kind: websocket, connections: 1, ramp: {over: 1s, rate: 1/s}}}\n",
     "t.yaml:3:53: groups.g.ramp: needs exactly one of over, rate and stages"},
    {RT "groups: {g: {kind: websocket, connections: 1, ramp: {over: 2m}}}\n",
     "warning: t.yaml:3:53: groups.g.ramp: takes longer than the run, which ends before its last point"},
    {RT "groups: {g: {kind: websocket, connections: 1, ramp: 5s}}\n",
     "t.yaml:3:53: groups.g.ramp: \"5s\" stands here; expected a mapping with over, rate, stages"},
    {RT "groups: {g: {kind: websocket, connections: 1, ramp: {stages: [{at: 5s, connections: 3}, {at: 1s, connections: 1}]}}}\n",
     "t.yaml:3:62: groups.g.ramp.stages: must not go back in time from one point to the next"},
    {RT "groups: {g: {kind: websocket, connections: 1, ramp: {stages: [{at: 5s, connections: 0}]}}}\n",
     "warning: t.yaml:3:44: groups.g.connections: is more than the highest point of ramp.stages: the clients above it never start"},
    {RT "groups: {g: {kind: websocket, connections: 1, ramp: {stages: []}}}\n",
     "t.yaml:3:62: groups.g.ramp.stages: 0 items; expected 1 to 256"},
    {RT "groups: {g: {kind: websocket, connections: 1, ramp: {stages: [{at: 5s}]}}}\n",
     "t.yaml:3:63: groups.g.ramp.stages[0].connections: missing; expected a whole number in digits alone, such as 5000"},
    {RT "groups: {g: {kind: websocket, connections: 1, lifetime_jitter: 10%}}\n",
     "t.yaml:3:64: groups.g.lifetime_jitter: needs lifetime beside it"},
    {RT "groups: {g: {kind: websocket, connections: 1, lifetime_jitter: 110%}}\n",
     "t.yaml:3:64: groups.g.lifetime_jitter: \"110%\" is out of range; expected 0% to 100%"},
    {RT "groups: {g: {kind: websocket, connections: 1, ping: {timeout: 5s}}}\n",
     "t.yaml:3:47: groups.g.ping.every: missing; expected a number with its unit (us, ms, s, m, h, d), such as 250ms or 1h30m"},
    {RT "groups: {g: {kind: websocket, connections: 1, reconnect: {first: 1m}}}\n",
     "t.yaml:3:47: groups.g.reconnect.max: its default, 30s, must not be shorter than reconnect.first"},
    {RT "groups: {g: {kind: websocket, connections: 1, reconnect: off}}\n",
     "t.yaml:3:58: groups.g.reconnect: \"off\" stands here; expected a mapping with first, max, factor, jitter, limit, ..., or true or false"},
    {RT "groups: {g: {kind: websocket, connections: 1, reconnect: {jitter: ful}}}\n",
     "t.yaml:3:67: groups.g.reconnect.jitter: \"ful\" is not known; expected none, equal or full; did you mean full?"},
    {RT "groups: {g: {kind: websocket, connections: 1, source_addresses: [eth0]}}\n",
     "t.yaml:3:66: groups.g.source_addresses[0]: \"eth0\" is not accepted; expected a numeric IPv4 or IPv6 address, such as 10.0.0.7"},
    {RT "groups: {g: {kind: websocket, connections: 1, subprotocols: ['a b']}}\n",
     "t.yaml:3:62: groups.g.subprotocols[0]: \"a b\" is not accepted; expected letters, digits and !#$%&'*+-.^_`|~"},
    {RT "groups: {g: {kind: websocket, connections: 1, deflate: 1}}\n",
     "t.yaml:3:56: groups.g.deflate: \"1\" is not a boolean; expected true or false, without quotes"},
    {RT "groups: {g: {kind: websocket, connections: 1, message_max: 1TB}}\n",
     "t.yaml:3:60: groups.g.message_max: \"1TB\" is not a size; expected a number with its unit (B, KiB, MiB, GiB), such as 64KiB"},
    {RT "groups: {g: {kind: websocket, connections: 1, simulate: {service: 1ms}}}\n",
     "warning: t.yaml:3:57: groups.g.simulate: has no effect: it belongs to kind null"},
    {RT "groups: {g: {kind: http, connections: 0}, 'a.b': {kind: websocked}, n: {kind: null, connections: 5, path: /x}}\n",
     "t.yaml:3:20: groups.g.kind: the URL of target t is ws://; kind http expects http:// or https://\n"
     "t.yaml:3:39: groups.g.connections: \"0\" is out of range; expected 1 to 16000000\n"
     "t.yaml:3:43: groups.a.b: the name \"a.b\" is not accepted; expected letters, digits, - and _, beginning with a letter or digit\n"
     "t.yaml:3:43: groups.a.b.connections: may be left out only with ramp.stages\n"
     "t.yaml:3:57: groups.a.b.kind: \"websocked\" is not known; expected websocket, null, http, sse, stream or tcp; did you mean websocket?\n"
     "warning: t.yaml:3:107: groups.n.path: has no effect: kinds tcp and null make no request"},
    {RT "groups: {}\n",
     "t.yaml:3:9: groups: 0 items; expected 1 to 256"},
    {RT "groups: {g: 5, h: }\n",
     "t.yaml:3:13: groups.g: \"5\" stands here; expected a mapping with kind, target, connections, path, headers, ...\n"
     "t.yaml:3:19: groups.h: nothing stands here; expected a mapping with kind, target, connections, path, headers, ..."},
    {R "targets: {a: {url: 'ws://a'}, b: {url: 'ws://b'}}\n" G,
     "t.yaml:3:10: groups.g.target: missing; expected a, b"},
    /* requests */
    {HT "groups: {g: {kind: http, connections: 1, messages: [{every: 1s, text: x}]}}\n",
     "t.yaml:3:53: groups.g.messages[0]: kind http needs exactly one of get, post, put, patch, delete, head and options; other kinds have none of them"},
    {HT "groups: {g: {kind: http, connections: 1, messages: [{every: 1s, get: /a, put: /b}]}}\n",
     "t.yaml:3:53: groups.g.messages[0]: kind http needs exactly one of get, post, put, patch, delete, head and options; other kinds have none of them"},
    {HT "groups: {g: {kind: http, connections: 1, headers: {accept-encoding: gzip}, messages: [{every: 1s, get: /, reply: {contains: x}}]}}\n",
     "warning: t.yaml:3:114: groups.g.messages[0].reply: looks into the body as it comes, and Accept-Encoding lets the server send it packed"},
    {HT "groups: {g: {kind: http, connections: 1, messages: [{every: 1s, get: a}]}}\n",
     "t.yaml:3:70: groups.g.messages[0].get: \"a\" is not accepted; expected a path that begins with / and holds no spaces, control characters or #; escape them as %XX"},
    {HT "groups: {g: {kind: http, connections: 1, messages: [{every: 1s, get: /, reply: {status: [200, 1xx]}}]}}\n",
     "t.yaml:3:95: groups.g.messages[0].reply.status[1]: \"1xx\" is not a final status; expected a status from 200 to 599, or a class such as 2xx"},
    {HT "groups: {g: {kind: http, connections: 1, messages: [{every: 1s, get: /, reply: {match: token}}]}}\n",
     "t.yaml:3:88: groups.g.messages[0].reply.match: must be order with kind http, where responses come in order"},
    {HT "groups: {g: {kind: http, connections: 1, messages: [{every: 1s, get: /, reply: {equals: x}}]}}\n",
     "t.yaml:3:89: groups.g.messages[0].reply.equals: belongs to kind http, and needs pointer beside it"},
    {HT "groups: {g: {kind: sse, connections: 1, messages: [{every: 1s, text: x}]}}\n",
     "t.yaml:3:51: groups.g.messages: kinds sse and stream send nothing but the request that opens them"},
    {HT "groups: {g: {kind: sse, connections: 1, ping: {every: 1s}}}\n",
     "warning: t.yaml:3:47: groups.g.ping: has no effect: it belongs to kind websocket"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, text: x, headers: {A: b}}]}}\n",
     "t.yaml:3:88: groups.g.messages[0].headers: belongs to kind http; other kinds have headers of the group only"},
    /* messages */
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{text: x}]}}\n",
     "t.yaml:3:58: groups.g.messages[0].every: may be left out only with after: open, reply or incoming"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s}]}}\n",
     "t.yaml:3:58: groups.g.messages[0]: needs exactly one of text, binary, hex, file and size; kind http at most one, as its body"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, text: x, size: 5}]}}\n",
     "t.yaml:3:58: groups.g.messages[0]: needs exactly one of text, binary, hex, file and size; kind http at most one, as its body"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 0s, text: x}]}}\n",
     "t.yaml:3:66: groups.g.messages[0].every: \"0s\" is out of range; expected 1ms to 365d"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, text: {a: 1}}]}}\n",
     "t.yaml:3:76: groups.g.messages[0].text: a mapping stands here; expected text, in quotes when it begins with { or ["},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, text: '${tokn}'}]}}\n",
     "t.yaml:3:76: groups.g.messages[0].text: \"${tokn}\" is not a known variable; did you mean ${token}?"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, text: '${nothing}'}]}}\n",
     "t.yaml:3:76: groups.g.messages[0].text: \"${nothing}\" is not a known variable; expected ${token}, ${seq}, ${client}, ${group}, ${time_ms}, ${uuid}, ${rand:1..100}, ${data.COLUMN}, ${login.NAME} or ${env.NAME}"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, text: '${data.user}'}]}}\n",
     "t.yaml:3:76: groups.g.messages[0].text: ${data.user} needs rows, and group g has none; expected data: {file: FILE.csv} in the group"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, text: '${login.t}'}]}}\n",
     "t.yaml:3:76: groups.g.messages[0].text: ${login.t} needs a login, and group g has none; expected login: {...} in the group"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, text: '${rand:5..1}'}]}}\n",
     "t.yaml:3:76: groups.g.messages[0].text: ${rand:5..1} is not a span; expected ${rand:LOW..HIGH} with two whole numbers, LOW not above HIGH"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, text: '${rand:..5}'}]}}\n",
     "t.yaml:3:76: groups.g.messages[0].text: ${rand:..5} is not a span; expected ${rand:LOW..HIGH} with two whole numbers, LOW not above HIGH"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, text: '${rand:-9..9223372036854775808}'}]}}\n",
     "t.yaml:3:76: groups.g.messages[0].text: ${rand:-9..9223372036854775808} is not a span; expected ${rand:LOW..HIGH} with two whole numbers, LOW not above HIGH"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, text: 'a ${b'}]}}\n",
     "t.yaml:3:76: groups.g.messages[0].text: a variable is begun with ${ and not ended; expected }, or $${ for a plain ${"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, binary: 'A==='}]}}\n",
     "t.yaml:3:78: groups.g.messages[0].binary: \"A===\" is not base64; expected groups of four of A-Z a-z 0-9 + / with = at the end"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, file: nowhere.json}]}}\n",
     "t.yaml:3:76: groups.g.messages[0].file: cannot read \"nowhere.json\": No such file or directory; expected a file, relative to the config's folder"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, file: /tmp}]}}\n",
     "t.yaml:3:76: groups.g.messages[0].file: cannot read \"/tmp\": Is a directory; expected a file, relative to the config's folder"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, size: 17MiB}]}}\n",
     "t.yaml:3:76: groups.g.messages[0].size: \"17MiB\" is out of range; expected 1B to 16MiB"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{after: open, jitter: 5%, phase: together, text: x}]}}\n",
     "t.yaml:3:80: groups.g.messages[0].jitter: needs `every` beside it\n"
     "t.yaml:3:91: groups.g.messages[0].phase: may be together only with after: run"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{after: reply, text: x}]}}\n",
     "t.yaml:3:58: groups.g.messages[0].reply: may not be left out with after: reply"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{after: reply, every: 1s, text: x, reply: {match: order}}]}}\n",
     "t.yaml:3:80: groups.g.messages[0].every: must be left out with after: reply, where replies set the pace and `delay` is the wait between"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, delay: 1s, text: x}]}}\n",
     "t.yaml:3:77: groups.g.messages[0].delay: needs after: open, reply or incoming"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{after: incoming, text: x}]}}\n",
     "t.yaml:3:58: groups.g.messages[0].when: may not be left out with after: incoming; expected one or more of equals, begins, contains, pointer and hex"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{after: open, when: {equals: x}, text: x}]}}\n",
     "t.yaml:3:78: groups.g.messages[0].when: needs after: incoming"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{after: incoming, when: {pointer: a}, text: x}]}}\n",
     "t.yaml:3:92: groups.g.messages[0].when.pointer: \"a\" is not accepted; expected a JSON pointer: nothing for the whole reply, or parts that each begin with /, ~ written as ~0"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{after: incoming, when: {hex: 2g}, text: x}]}}\n",
     "t.yaml:3:88: groups.g.messages[0].when.hex: \"2g\" is not hexadecimal; expected pairs of the digits 0-9 and a-f"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, hex: '123'}]}}\n",
     "t.yaml:3:75: groups.g.messages[0].hex: \"123\" is not hexadecimal; expected pairs of the digits 0-9 and a-f, with ${variables} between them, and not right after a byte 24"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, hex: '24${token}'}]}}\n",
     "t.yaml:3:75: groups.g.messages[0].hex: \"24${token}\" is not hexadecimal; expected pairs of the digits 0-9 and a-f, with ${variables} between them, and not right after a byte 24"},
    {HT "groups: {g: {kind: http, connections: 1, messages: [{after: incoming, when: {equals: x}, get: /}]}}\n",
     "t.yaml:3:61: groups.g.messages[0].after: may be incoming only with kinds websocket, tcp and null"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, text: x, from: 5s, until: 5s}]}}\n",
     "t.yaml:3:96: groups.g.messages[0].until: must be later than `from`"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, text: x, from: 1m}]}}\n",
     "warning: t.yaml:3:85: groups.g.messages[0].from: is not before the end of the run: nothing is sent"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 2m, text: x}, {after: open, every: 2m, text: x}]}}\n",
     "warning: t.yaml:3:66: groups.g.messages[0].every: is longer than the run: not every client sends it even once"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, text: x, reply: {}}]}}\n",
     "t.yaml:3:79: groups.g.messages[0].reply.match: missing, since the payload carries no ${token}; expected match: order, or ${token} in the payload"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, text: x, reply: {contains: ok}}]}}\n",
     "t.yaml:3:79: groups.g.messages[0].reply.match: missing, since contains has no ${token} to tell replies apart; expected match: order, or ${token} in contains"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, text: x, reply: {match: token}}]}}\n",
     "t.yaml:3:86: groups.g.messages[0].reply: a match by token or pointer needs ${token} in the message's text; without it, match: order"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, size: 20, reply: {match: token}}]}}\n",
     "t.yaml:3:76: groups.g.messages[0].size: must be at least 26B, the length of a token"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, text: '${token}', reply: {match: pointer}}]}}\n",
     "t.yaml:3:88: groups.g.messages[0].reply.pointer: may not be left out with match: pointer"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, text: '${token}', reply: {match: order, pointer: /a}}]}}\n",
     "t.yaml:3:119: groups.g.messages[0].reply.pointer: needs match: pointer, or no match at all"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, text: '${token}', reply: {pointer: a}}]}}\n",
     "t.yaml:3:105: groups.g.messages[0].reply.pointer: \"a\" is not accepted; expected a JSON pointer: nothing for the whole reply, or parts that each begin with /, ~ written as ~0"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, text: '${token}', reply: {within: 5s, lost_after: 1s}}]}}\n",
     "t.yaml:3:120: groups.g.messages[0].reply.lost_after: must not be shorter than reply.within"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, text: '${token}', reply: {match: tokens}}]}}\n",
     "t.yaml:3:103: groups.g.messages[0].reply.match: \"tokens\" is not known; expected auto, token, order, pointer or echo; did you mean token?"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, binary: AA==, frame: text}]}}\n",
     "t.yaml:3:91: groups.g.messages[0].frame: the payload is not known to be UTF-8 text, which a text frame must be; expected binary"},
    {RT "groups: {g: {kind: websocket, connections: 1, messages: [{name: a, every: 1s, text: x}, {name: a, every: 1s, text: y}]}}\n",
     "t.yaml:3:96: groups.g.messages[1].name: must differ from the names of the group's other messages"},
    /* objectives */
    {RT G "slo: [{metric: availability}]\n",
     "t.yaml:4:7: slo[0]: needs exactly one of below and above"},
    {RT G "slo: [{metric: availability, above: 99.9}]\n",
     "t.yaml:4:37: slo[0].above: \"99.9\" is not a threshold here; expected a share such as 99.9% or 0.999, since the metric is one"},
    {RT G "slo: [{metric: g.respons.p99, below: 1s}]\n",
     "t.yaml:4:16: slo[0].metric: \"g.respons.p99\" is not a known metric; did you mean g.response.p99?"},
    {RT G "slo: [{metric: h.response.p99, below: 1s}]\n",
     "t.yaml:4:16: slo[0].metric: no group is called \"h\"; expected GROUP.METRIC with the name of a group"},
    {RT "groups: {chat: {kind: websocket, connections: 1}, feed: {kind: websocket, connections: 1}}\nslo: [{metric: cht.response.p99, below: 1s}]\n",
     "t.yaml:4:16: slo[0].metric: no group is called \"cht\"; expected chat.response.p99"},
    {RT G "slo: [{metric: response.p99, below: 250}]\n",
     "t.yaml:4:37: slo[0].below: \"250\" is not a threshold here; expected a duration such as 250ms, since the metric is one"},
    {RT G "slo: [{metric: drops, below: 5%}]\n",
     "t.yaml:4:30: slo[0].below: \"5%\" is not a threshold here; expected a number without a unit, since the metric is one"},
    {RT G "slo: [{metric: lost_percent, below: 0.1}]\n",
     "t.yaml:4:37: slo[0].below: \"0.1\" is not a threshold here; expected a percentage with its sign, such as 0.1%, since the metric is one"},
    {RT G "slo: [{metric: speed, below: 5}]\n",
     "t.yaml:4:16: slo[0].metric: \"speed\" is not a known metric; did you mean opened?"},
    {RT G "slo: [{metric: drops, below: 1, above: 2}]\n",
     "t.yaml:4:7: slo[0]: needs exactly one of below and above"},
    {RT G "slo: [{metric: drops, below: 1, for: 2m, after: 1m}]\n",
     "t.yaml:4:38: slo[0].for: must not be longer than run.duration\n"
     "t.yaml:4:49: slo[0].after: must be shorter than run.duration"},
    {RT G "slo: [{below: 1}]\n",
     "t.yaml:4:7: slo[0].metric: missing; expected text"},
};

static const struct {
  const char *settings[4], *sentences;
} setting_cases[] = {
    {{"groups.g.conections=5"},
     "--set groups.g.conections=5: groups.g.conections: unknown key; did you mean groups.g.connections?"},
    {{"groups.g.connections=x", "run.duration=9"},
     "--set groups.g.connections=x: groups.g.connections: \"x\" is not a whole number; expected a whole number in digits alone, such as 5000\n"
     "--set run.duration=9: run.duration: \"9\" has no unit; expected a number with its unit (us, ms, s, m, h, d), such as 250ms or 1h30m"},
    {{"nonsense"},
     "--set nonsense: not of the form KEY=VALUE; expected, for example, groups.chat.connections=100"},
    {{"=5"},
     "--set =5: not of the form KEY=VALUE; expected, for example, groups.chat.connections=100"},
    {{"run.duration="},
     "--set run.duration=: no value is given; expected KEY=VALUE"},
    {{"groups.g.messages[3].every=1s"},
     "--set groups.g.messages[3].every=1s: the list has no such item; expected [N] counted from 0, or [NAME] of an item with that name"},
    {{"groups.x.connections=1"},
     "--set groups.x.connections=1: no group is called \"x\"; expected g"},
    {{"targets.server.tls.ca=ca.pem"},
     "--set targets.server.tls.ca=ca.pem: no target is called \"server\"; expected t"},
    {{"groups..g=1"},
     "--set groups..g=1: the key cannot be read; expected names parted by points, such as groups.chat.connections"},
    {{"run.duration.x=5"},
     "--set run.duration.x=5: run.duration: a mapping stands here; expected a number with its unit (us, ms, s, m, h, d), such as 250ms or 1h30m"},
    {{"groups[0]=1"},
     "--set groups[0]=1: [ ] stands after a key that is no list; expected KEY.NAME"},
    {{"targets.t.headers.Authorization={}"},
     "--set targets.t.headers.Authorization=***: targets.t.headers.Authorization: a mapping stands here; expected the header's text"},
    {{"run.duration={a"},
     "--set run.duration={a: not valid YAML: did not find expected ',' or '}', while parsing a flow mapping; close the { or [, and put a text that holds one in quotes"},
    /* a run made shorter than its objectives: a try, not a mistake */
    {{"slo=[{metric: drops, below: 1, for: 2m}, {metric: drops, below: 1, after: 30s}]", "run.duration=30s"},
     "warning: --set slo=[{metric: drops, below: 1, for: 2m}, {metric: drops, below: 1, after: 30s}]: slo[0].for: is longer than the run "
     "was made by --duration: this objective cannot be judged, and the verdict is inconclusive\n"
     "warning: --set slo=[{metric: drops, below: 1, for: 2m}, {metric: drops, below: 1, after: 30s}]: slo[1].after: leaves nothing of the "
     "run, shortened by --duration: this objective cannot be judged, and the verdict is inconclusive"},
    {{"run={warmup: 1m, interval: 30s}", "run.duration=10s", "slo=[{metric: drops, below: 1}]"},
     "warning: --set run={warmup: 1m, interval: 30s}: run.interval: is longer than the run was made by --duration: intervals of 1s are stored\n"
     "warning: --set run={warmup: 1m, interval: 30s}: run.warmup: takes all of the run, shortened by --duration: no objective can be "
     "judged, and the verdict is inconclusive (--set run.warmup=0s judges them)"},
    /* with no objectives the warm-up leaves out nothing */
    {{"run={warmup: 1m, interval: 30s}", "run.duration=20s"},
     "warning: --set run={warmup: 1m, interval: 30s}: run.interval: is longer than the run was made by --duration: intervals of 1s are stored"},
};

/* clang-format on */

/* Warnings alone let a config pass. */
static void check(const struct lh_load_args *args, const char *sentences) {
  struct lh_config *config = NULL;
  struct lh_diagnostics diagnostics = {0};
  int failed = lh_config_load(args, &config, &diagnostics);
  char said[8192] = "";
  bool only_warnings = true;
  for (size_t i = 0; i < diagnostics.count; i++) {
    size_t len = strlen(said);
    snprintf(said + len, sizeof said - len, "%s%s", i ? "\n" : "", diagnostics.items[i]);
    only_warnings = only_warnings && strncmp(diagnostics.items[i], "warning: ", 9) == 0;
  }
  assert_string_equal(said, sentences);
  assert_true(diagnostics.count > 0);
  assert_int_equal(failed, only_warnings ? 0 : -EINVAL);
  assert_true((config != NULL) == only_warnings);
  lh_config_free(config);
  lh_diagnostics_free(&diagnostics);
}

static void what_is_wrong_is_said_where_it_is(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++)
    check(&(struct lh_load_args){.path = "t.yaml", .text = cases[i].text, .getenv = test_getenv}, cases[i].sentences);
}

static void a_wrong_setting_is_named(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(setting_cases); i++) {
    size_t count = 1;
    while (setting_cases[i].settings[count]) count++;
    check(&(struct lh_load_args){.path = "t.yaml",
                                 .text = R T G,
                                 .settings = setting_cases[i].settings,
                                 .setting_count = count,
                                 .getenv = test_getenv},
          setting_cases[i].sentences);
  }
}

static void a_config_that_cannot_be_read_is_said_so(void **state) {
  (void)state;
  static const struct {
    const char *path, *sentence;
    int failed;
  } rows[] = {
      {"no/such.yaml", "no/such.yaml: cannot read the config: No such file or directory; expected a YAML file", -ENOENT},
      {"/", "/: cannot read the config: Is a directory; expected a YAML file", -EISDIR},
      {"/dev/zero", "/dev/zero: cannot read the config: larger than 4 MiB; expected a YAML file", -EFBIG}};
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct lh_config *config = NULL;
    struct lh_diagnostics diagnostics = {0};
    assert_int_equal(lh_config_load(&(struct lh_load_args){.path = rows[i].path}, &config, &diagnostics), rows[i].failed);
    assert_int_equal(diagnostics.count, 1);
    assert_string_equal(diagnostics.items[0], rows[i].sentence);
    assert_null(config);
    lh_diagnostics_free(&diagnostics);
  }
}

/* A text of `count` copies of `part` between `before` and `after`; owned. */
static char *repeated(const char *before, const char *part, size_t count, const char *after) {
  size_t len = strlen(part), at = strlen(before);
  char *text = calloc(1, at + count * len + strlen(after) + 1);
  assert_non_null(text);
  memcpy(text, before, at);
  for (size_t i = 0; i < count; i++, at += len) memcpy(text + at, part, len);
  memcpy(text + at, after, strlen(after));
  return text;
}

static void check_owned(char *text, const char *sentences) {
  check(&(struct lh_load_args){.path = "t.yaml", .text = text, .getenv = test_getenv}, sentences);
  free(text);
}

static void hostile_sizes_end_with_a_sentence(void **state) {
  (void)state;
  check_owned(repeated("a: ", "[", 65, ""), "t.yaml:1:68: nested deeper than 64 levels; expected fewer");
  check_owned(repeated("a: [", "1,", 1100, "]"), "t.yaml:1:2053: a list of more than 1024 items; expected fewer");
  check_owned(repeated("a: [", "[&a b,&a b],", 550, "]"), "t.yaml:1:6150: more than 1024 anchors; expected fewer");
  check_owned(repeated("", "aaaaaaaa", (LH_CONFIG_BYTES_MAX / 8) + 1, ""),
              "t.yaml:1:1: the config is larger than 4 MiB; expected a smaller one");
  check_owned(repeated("x-a: &a [1,1,1,1,1,1,1,1,1,1]\nx-b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                       "x-c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nx-d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n",
                       "x-e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nx-f: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n", 1, ""),
              "t.yaml:1:26: the config grows past 500000 values or 64 MiB once aliases and variables are followed; expected a "
              "smaller one");
}

/* Each alias may bring in as many levels again. */
static void aliases_nest_within_the_limit(void **state) {
  (void)state;
  char *opened = repeated("", "[", 60, ""), *closed = repeated("", "]", 60, ""), text[512];
  snprintf(text, sizeof text, "x-a: &a %s%s\nx-b: &b %s*a%s\nx-c: *b\n", opened, closed, opened, closed);
  check(&(struct lh_load_args){.path = "t.yaml", .text = text}, "t.yaml:1:14: nested deeper than 64 levels; expected fewer");
  free(opened);
  free(closed);
}

static void many_errors_are_counted(void **state) {
  (void)state;
  char *text = repeated(R T G "slo: [", "{metric: drops},", 150, "]");
  struct lh_config *config = NULL;
  struct lh_diagnostics diagnostics = {0};
  assert_int_equal(lh_config_load(&(struct lh_load_args){.path = "t.yaml", .text = text}, &config, &diagnostics), -EINVAL);
  assert_int_equal(diagnostics.count, 101);
  assert_string_equal(diagnostics.items[100], "t.yaml: 50 more are not shown; mend these first");
  lh_diagnostics_free(&diagnostics);
  free(text);
}

static void files_can_be_refused(void **state) {
  (void)state;
  check(&(struct lh_load_args){.path = "t.yaml",
                               .no_files = true,
                               .text = RT "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, file: /x}]}}"},
        "t.yaml:3:76: groups.g.messages[0].file: files are not read here; expected a config without them");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_wrong_is_said_where_it_is),
      cmocka_unit_test(a_wrong_setting_is_named),
      cmocka_unit_test(a_config_that_cannot_be_read_is_said_so),
      cmocka_unit_test(hostile_sizes_end_with_a_sentence),
      cmocka_unit_test(aliases_nest_within_the_limit),
      cmocka_unit_test(many_errors_are_counted),
      cmocka_unit_test(files_can_be_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

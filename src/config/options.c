/* The option table. One row per key, in the order in which people read a config; a map's row stands before its keys. To add
 * a key, add a row: the loader, --set, explain, schema, reference, man page and fuzz dictionary follow. */
#include "longhaul/config/options.h"

#include "longhaul/base/clock.h"
#include "longhaul/config/reach.h"

#include "row.h"
#include "text.h"

/* The kinds that this program can carry: a kind of enum lh_kind_id is lifted by adding its name here. */
#define KINDS "websocket|null|http|sse|stream|tcp"

/* clang-format off */
#define SIZE_OF(type, member) sizeof(((type *)0)->member)
#define LAND(...) &(const struct lh_landing){__VA_ARGS__}
#define NO_LANDING LAND(.size = 0)
#define AT(type, member, ...) LAND(.offset = offsetof(type, member), .size = SIZE_OF(type, member), __VA_ARGS__)
#define RUN(member, ...) AT(struct lh_config, run.member, __VA_ARGS__)
#define TARGET(member, ...) AT(struct lh_target, member, __VA_ARGS__)
#define GROUP(member, ...) AT(struct lh_group, member, __VA_ARGS__)
#define MESSAGE(member, ...) AT(struct lh_message, member, __VA_ARGS__)
#define STAGE(member, ...) AT(struct lh_stage_point, member, __VA_ARGS__)
#define ACTION(member, ...) AT(struct lh_action, member, __VA_ARGS__)
#define SLO(member, ...) AT(struct lh_slo_config, member, __VA_ARGS__)
#define HOOKS(member, ...) AT(struct lh_config, hooks.member, __VA_ARGS__)
#define HOLDS(outer, pointer, counter, inner, ...)                                                                   \
  .element = &(const struct element){.size = sizeof(inner), .items = offsetof(outer, pointer),                       \
                                     .count = offsetof(outer, counter), __VA_ARGS__}
/* clang-format on */

static bool is_tls(const void *target) {
  return ((const struct lh_target *)target)->tls_scheme;
}
static bool is_connected(const void *group) {
  return ((const struct lh_group *)group)->kind != LH_KIND_NULL;
}
static bool is_simulated(const void *group) {
  return ((const struct lh_group *)group)->kind == LH_KIND_NULL;
}
static bool is_websocket(const void *group) {
  return ((const struct lh_group *)group)->kind == LH_KIND_WEBSOCKET;
}
static bool has_pings(const void *group) {
  return is_websocket(group) || is_simulated(group);
}
static bool has_requests(const void *group) {
  return ((const struct lh_group *)group)->kind == LH_KIND_HTTP;
}
static bool has_upgrade(const void *group) {
  enum lh_kind_id kind = ((const struct lh_group *)group)->kind;
  return kind == LH_KIND_WEBSOCKET || kind == LH_KIND_SSE || kind == LH_KIND_STREAM;
}
static bool has_path(const void *group) {
  return is_connected(group) && ((const struct lh_group *)group)->kind != LH_KIND_TCP;
}
static bool has_stream(const void *group) {
  enum lh_kind_id kind = ((const struct lh_group *)group)->kind;
  return kind == LH_KIND_SSE || kind == LH_KIND_STREAM || kind == LH_KIND_TCP;
}
static bool has_pushes(const void *group) {
  enum lh_kind_id kind = ((const struct lh_group *)group)->kind;
  return kind == LH_KIND_WEBSOCKET || kind == LH_KIND_SSE;
}
#define PUSHES_ONLY .applies = has_pushes, .idle = "it belongs to kinds websocket and sse"
#define WEBSOCKET_ONLY .applies = is_websocket, .idle = "it belongs to kind websocket"
#define PINGS_ONLY .applies = has_pings, .idle = "it belongs to kind websocket"
#define REQUESTS_ONLY .applies = has_requests, .idle = "it belongs to kind http"
#define UPGRADE_ONLY .applies = has_upgrade, .idle = "it belongs to kinds websocket, sse and stream"
#define PATH_ONLY .applies = has_path, .idle = "kinds tcp and null make no request"
#define STREAM_ONLY .applies = has_stream, .idle = "it belongs to kinds sse, stream and tcp"
#define TLS_ONLY .applies = is_tls, .idle = "the URL of this target is not encrypted"
#define CONNECTED_ONLY .applies = is_connected, .idle = "kind null opens no connection"
#define SIMULATED_ONLY .applies = is_simulated, .idle = "it belongs to kind null"

/* A row reads as a paragraph. */
/* clang-format off */
static const struct lh_option options[] = {
    /* ---- run ---- */
    {.key = "run", .type = LH_OPTION_MAP, .help = "How long the run is and how it is carried out.", .landing = NO_LANDING},
    {.key = "run.name", .type = LH_OPTION_STRING, .preset = "", .example = "gateway-overnight",
     .help = "Names the run and its file; without it, the config's file name without its ending.",
     .landing = RUN(name, .check = text_file_name, .limit = LH_NAME_MAX - 1)},
    {.key = "run.duration", .type = LH_OPTION_DURATION, .range = "100ms..365d", .example = "8h",
     .help = "How long the run lasts, from the first connection to the start of the end.", .landing = RUN(duration_ns)},
    {.key = "run.seed", .type = LH_OPTION_COUNT, .preset = "1", .range = "0..18446744073709551615", .example = "42",
     .help = "Everything random follows from this number: the same seed and config give the same plan.",
     .landing = RUN(seed)},
    {.key = "run.interval", .type = LH_OPTION_DURATION, .preset = "auto", .range = "1s..1h", .choices = "auto",
     .example = "10s",
     .help = "The slice of time that the run file keeps numbers for; auto is 1s for runs up to 1h, 10s up to 24h, else 1m.",
     .landing = RUN(interval_ns)},
    {.key = "run.workers", .type = LH_OPTION_COUNT, .preset = "auto", .range = "1..1024", .choices = "auto",
     .help = "Worker processes that share the clients; auto follows from the cores and the descriptor limit.",
     .landing = RUN(workers)},
    {.key = "run.store", .type = LH_OPTION_STRING, .preset = "runs/",
     .help = "The folder for run files, made when it is missing; it counts from where longhaul is started.",
     .landing = RUN(store, .check = text_not_empty)},
    {.key = "run.connect_rate", .type = LH_OPTION_RATE, .preset = "auto", .range = "0.001/s..1000000/s", .choices = "auto",
     .example = "500/s",
     .help = "The most connection attempts a second over the whole run, reconnects included; auto protects the tester.",
     .landing = RUN(connect_rate)},
    {.key = "run.connecting_max", .type = LH_OPTION_COUNT, .preset = "auto", .range = "1..1000000", .choices = "auto",
     .help = "The most connections that may be on their way to open at once, over the whole run.",
     .landing = RUN(connecting_max)},
    {.key = "run.drain", .type = LH_OPTION_DURATION, .preset = "5s", .range = "0s..1h",
     .help = "How long the end waits for outstanding replies and closing handshakes.", .landing = RUN(drain_ns)},
    {.key = "run.warmup", .type = LH_OPTION_DURATION, .preset = "0s", .range = "0s..365d", .example = "1m",
     .help = "The start of the run that the verdict leaves out; it is kept and marked.", .landing = RUN(warmup_ns)},
    {.key = "run.mass_drop", .type = LH_OPTION_COUNT, .preset = "auto", .range = "1..16000000", .choices = "auto",
     .help = "Drops of a group within a second that are a mass drop; auto: over 1% of it or 50, the lesser, at least 5.",
     .landing = RUN(mass_drop)},
    {.key = "run.endings_max", .type = LH_OPTION_COUNT, .preset = "1000000", .range = "0..1000000000",
     .help = "The most endings kept one by one in the run file; beyond it they are counted only, and the report says so.",
     .landing = RUN(endings_max)},

    /* ---- targets ---- */
    {.key = "targets", .type = LH_OPTION_NAMED, .preset = "", .help = "The endpoints, by names of your choice.",
     .landing = LAND(HOLDS(struct lh_config, targets, target_count, struct lh_target, .name = offsetof(struct lh_target, name),
                      .place = offsetof(struct lh_target, place), .most = LH_TARGETS_MAX))},
    {.key = "targets.*", .type = LH_OPTION_MAP, .preset = "", .example = "gateway", .help = "One endpoint.",
     .landing = NO_LANDING},
    {.key = "targets.*.url", .type = LH_OPTION_URL, .example = "wss://gateway.example.test/ws",
     .help = "Where to connect: ws:// or wss:// for websocket, http:// or https:// for http, sse and stream, tcp:// or tls:// for "
             "tcp; a unix socket as ws+unix:///run/app.sock:/path.", .landing = TARGET(url, .set = set_url)},
    {.key = "targets.*.tls", .type = LH_OPTION_MAP, .preset = "{}", .help = "How the server is trusted.",
     .landing = LAND(TLS_ONLY)},
    {.key = "targets.*.tls.verify", .type = LH_OPTION_BOOL, .preset = "true",
     .help = "Whether the certificate and its host name are checked; false is said loudly in the report.",
     .landing = TARGET(tls.verify)},
    {.key = "targets.*.tls.ca", .type = LH_OPTION_FILE, .preset = "", .example = "certs/ca.pem",
     .help = "A PEM file of the authorities to trust, in place of the system's.",
     .landing = TARGET(tls.ca, .set = set_file, .check = text_pem_certificate)},
    {.key = "targets.*.tls.cert", .type = LH_OPTION_FILE, .preset = "", .example = "certs/client.pem",
     .help = "A PEM file with the client certificate to show.",
     .landing = TARGET(tls.cert, .set = set_file, .check = text_pem_certificate)},
    {.key = "targets.*.tls.key", .type = LH_OPTION_FILE, .preset = "", .example = "certs/client.key",
     .help = "A PEM file with the client certificate's key.",
     .landing = TARGET(tls.key, .set = set_file, .check = text_pem_key)},
    {.key = "targets.*.tls.sni", .type = LH_OPTION_STRING, .preset = "", .example = "gateway.example.test",
     .help = "The server name that is sent and checked, in place of the URL's host.",
     .landing = TARGET(tls.sni, .check = text_host)},
    {.key = "targets.*.headers", .type = LH_OPTION_HEADERS, .preset = "", .example = "{User-Agent: longhaul-soak}",
     .help = "Headers to add to each request; values may hold variables, rendered for each client.",
     .landing = TARGET(headers, .set = set_headers)},
    {.key = "targets.*.family", .type = LH_OPTION_CHOICE, .preset = "any", .choices = "any|ipv4|ipv6",
     .help = "Which addresses of the host name are used; with any, the other family is tried where one refuses.",
     .landing = TARGET(family)},
    {.key = "targets.*.addresses", .type = LH_OPTION_STRINGS, .preset = "", .example = "[192.0.2.10, 192.0.2.11]",
     .help = "Addresses to connect to in turn, so that the host name is not looked up.",
     .landing = TARGET(addresses, .check = text_address, .limit = LH_ADDRESSES_MAX)},
    {.key = "targets.*.spread", .type = LH_OPTION_CHOICE, .preset = "all", .choices = "all|first",
     .help = "With several addresses: all spreads the clients over them, first gives every client the same one.",
     .landing = TARGET(spread)},
    {.key = "targets.*.unix", .type = LH_OPTION_STRING, .preset = "", .example = "/run/app.sock",
     .help = "Connect to this unix socket, @name for an abstract one; the URL still says scheme, Host and path.",
     .landing = TARGET(unix_path, .check = text_socket_path, .alternative = true)},
    {.key = "targets.*.proxy", .type = LH_OPTION_URL, .preset = "", .example = "http://proxy.example.test:3128",
     .help = "Connect through this HTTP proxy by CONNECT, with any scheme; as http://[USER:PASSWORD@]HOST:PORT.",
     .landing = TARGET(proxy, .set = set_proxy, .alternative = true)},
    {.key = "targets.*.resolve", .type = LH_OPTION_MAP, .preset = "{}", .help = "How the host name is looked up.",
     .landing = NO_LANDING},
    {.key = "targets.*.resolve.every", .type = LH_OPTION_DURATION, .preset = "5m", .range = "1s..365d",
     .help = "How often the host name is looked up again.", .landing = TARGET(resolve_every_ns)},

    {.key = "targets.*.authorized", .type = LH_OPTION_BOOL, .preset = "false",
     .help = "Whether it may be loaded although it is outside of loopback and private networks; --yes says so for one run.",
     .landing = TARGET(authorized)},
    {.key = "deny", .type = LH_OPTION_STRINGS, .preset = "", .example = "[\"*.prod.example.test\", 198.51.100.0/24]",
     .help = "Hosts, addresses and networks that are never connected to, whatever a name, a redirect or a proxy leads to.",
     .landing = AT(struct lh_config, deny, .check = lh_deny_check, .limit = LH_DENY_MAX)},

    /* ---- groups ---- */
    {.key = "groups", .type = LH_OPTION_NAMED, .help = "Populations of like clients, by names of your choice.",
     .landing = LAND(HOLDS(struct lh_config, groups, group_count, struct lh_group, .name = offsetof(struct lh_group, name),
                      .place = offsetof(struct lh_group, place), .least = 1, .most = LH_GROUPS_MAX))},
    {.key = "groups.*", .type = LH_OPTION_MAP, .preset = "", .example = "chat", .help = "One population.",
     .landing = NO_LANDING},
    {.key = "groups.*.kind", .type = LH_OPTION_CHOICE, .choices = KINDS, .example = "websocket",
     .help = "What its connections are; null opens none and measures the tester itself.",
     .landing = GROUP(kind, .set = set_kind)},
    {.key = "groups.*.target", .type = LH_OPTION_STRING, .preset = "", .example = "gateway",
     .help = "The name of its target; may be left out when there is just one.", .landing = LAND(CONNECTED_ONLY)},
    {.key = "groups.*.connections", .type = LH_OPTION_COUNT, .preset = "", .range = "1..16000000", .example = "5000",
     .help = "How many clients it has, each with one connection at a time.", .landing = GROUP(connections)},
    {.key = "groups.*.path", .type = LH_OPTION_TEMPLATE, .preset = "", .example = "/ws/chat",
     .help = "A path, with its query, in place of the one in the target's URL; it may hold variables.",
     .landing = GROUP(path, .check = text_path, PATH_ONLY)},
    {.key = "groups.*.headers", .type = LH_OPTION_HEADERS, .preset = "", .example = "{X-Client: \"${client}\"}",
     .help = "Headers to add after the target's; the same name replaces.",
     .landing = GROUP(headers, .set = set_headers, PATH_ONLY)},
    {.key = "groups.*.subprotocols", .type = LH_OPTION_STRINGS, .preset = "", .example = "[graphql-transport-ws]",
     .help = "WebSocket subprotocols to offer, best first.",
     .landing = GROUP(subprotocols, .check = text_token, .limit = LH_HEADERS_MAX, WEBSOCKET_ONLY)},
    {.key = "groups.*.deflate", .type = LH_OPTION_BOOL, .preset = "false",
     .help = "Whether permessage-deflate is offered; it costs memory and CPU on both sides.",
     .landing = GROUP(deflate, WEBSOCKET_ONLY)},
    {.key = "groups.*.source_addresses", .type = LH_OPTION_STRINGS, .preset = "", .example = "[10.0.0.7, 10.0.0.8]",
     .help = "Local addresses that the clients connect from in turn; each has about 28,000 ports to one target.",
     .landing = GROUP(source_addresses, .check = text_address, .limit = LH_ADDRESSES_MAX, CONNECTED_ONLY)},
    {.key = "groups.*.ramp", .type = LH_OPTION_MAP, .preset = "", .landing = LAND(.by_presence = true),
     .help = "How the number of clients grows; without it all start at once, as fast as the connect rate lets them."},
    {.key = "groups.*.ramp.over", .type = LH_OPTION_DURATION, .preset = "", .range = "1ms..365d", .example = "5m",
     .help = "Start the clients evenly over this time.", .landing = NO_LANDING},
    {.key = "groups.*.ramp.rate", .type = LH_OPTION_RATE, .preset = "", .range = "0.001/s..1000000/s", .example = "100/s",
     .help = "Start so many clients a second.", .landing = LAND(.alternative = true)},
    {.key = "groups.*.ramp.stages", .type = LH_OPTION_LIST, .preset = "",
     .help = "Points of a line of wanted clients over time, from none at 0s; a falling line ends clients.",
     .landing = LAND(HOLDS(struct lh_group, ramp.points, ramp.count, struct lh_stage_point, .name = NO_MEMBER,
                      .place = NO_MEMBER, .least = 1, .most = LH_STAGES_MAX), .alternative = true)},
    {.key = "groups.*.ramp.stages[]", .type = LH_OPTION_MAP, .preset = "", .help = "One point.",
     .landing = NO_LANDING},
    {.key = "groups.*.ramp.stages[].at", .type = LH_OPTION_DURATION, .range = "0s..365d", .example = "10m",
     .help = "When, since the start of the run.", .landing = STAGE(at_ns)},
    {.key = "groups.*.ramp.stages[].connections", .type = LH_OPTION_COUNT, .range = "0..16000000", .example = "5000",
     .help = "How many clients are wanted then.", .landing = STAGE(connections)},
    {.key = "groups.*.lifetime", .type = LH_OPTION_DURATION, .preset = "", .range = "1ms..365d", .example = "30m",
     .help = "End each connection by plan after this time and open the next; without it connections are held.",
     .landing = GROUP(lifetime_ns)},
    {.key = "groups.*.lifetime_jitter", .type = LH_OPTION_SHARE, .preset = "0%", .range = "0%..100%", .example = "20%",
     .help = "Vary each lifetime by up to half of this share to either side.", .landing = GROUP(lifetime_jitter)},
    {.key = "groups.*.ping", .type = LH_OPTION_MAP, .preset = "", .landing = LAND(.by_presence = true, PINGS_ONLY),
     .help = "WebSocket pings that find silent peers; without it none are sent."},
    {.key = "groups.*.ping.every", .type = LH_OPTION_DURATION, .range = "10ms..365d", .example = "30s",
     .help = "How often each open client sends a ping.", .landing = GROUP(ping.every_ns)},
    {.key = "groups.*.ping.timeout", .type = LH_OPTION_DURATION, .preset = "10s", .range = "1ms..365d",
     .help = "No pong in this time: the connection is ended as a silent peer.", .landing = GROUP(ping.timeout_ns)},
    {.key = "groups.*.connect_timeout", .type = LH_OPTION_DURATION, .preset = "10s", .range = "1ms..1h",
     .help = "How long a TCP connect may take.", .landing = GROUP(connect_timeout_ns, CONNECTED_ONLY)},
    {.key = "groups.*.tls_timeout", .type = LH_OPTION_DURATION, .preset = "10s", .range = "1ms..1h",
     .help = "How long a TLS handshake may take.", .landing = GROUP(tls_timeout_ns, CONNECTED_ONLY)},
    {.key = "groups.*.upgrade_timeout", .type = LH_OPTION_DURATION, .preset = "10s", .range = "1ms..1h",
     .help = "How long the answer to the request that opens a WebSocket or a stream may take.",
     .landing = GROUP(upgrade_timeout_ns, UPGRADE_ONLY)},
    {.key = "groups.*.request_timeout", .type = LH_OPTION_DURATION, .preset = "", .range = "1ms..1d", .example = "30s",
     .help = "How long a whole response may take before the request is lost and its connection is ended; without it, "
             "each message's reply.lost_after.",
     .landing = GROUP(request_timeout_ns, .alternative = true, REQUESTS_ONLY)},
    {.key = "groups.*.stall_timeout", .type = LH_OPTION_DURATION, .preset = "", .range = "10ms..365d", .example = "1m",
     .help = "How long an open stream may stay silent before it is ended as stalled; without it, for ever.",
     .landing = GROUP(stall_timeout_ns, .alternative = true, STREAM_ONLY)},
    {.key = "groups.*.user_timeout", .type = LH_OPTION_DURATION, .preset = "", .range = "1ms..1h", .example = "30s",
     .help = "TCP_USER_TIMEOUT: how long sent bytes may stay unacknowledged; without it the kernel's own patience.",
     .landing = GROUP(user_timeout_ns, CONNECTED_ONLY)},
    {.key = "groups.*.send_buffer", .type = LH_OPTION_SIZE, .preset = "", .range = "1KiB..1GiB", .example = "16KiB",
     .help = "SO_SNDBUF of each socket; without it the kernel's.", .landing = GROUP(send_buffer, CONNECTED_ONLY)},
    {.key = "groups.*.receive_buffer", .type = LH_OPTION_SIZE, .preset = "", .range = "1KiB..1GiB", .example = "16KiB",
     .help = "SO_RCVBUF of each socket; without it the kernel's.", .landing = GROUP(receive_buffer, CONNECTED_ONLY)},
    {.key = "groups.*.message_max", .type = LH_OPTION_SIZE, .preset = "1MiB", .range = "1KiB..16MiB",
     .help = "How much of an incoming message is kept to look for replies in; longer ones are counted as truncated.",
     .landing = GROUP(message_max)},
    {.key = "groups.*.reconnect", .type = LH_OPTION_MAP, .preset = "{}", .choices = "true|false",
     .help = "How a client comes back after its connection ended; false: it does not.",
     .landing = GROUP(reconnect.enabled)},
    {.key = "groups.*.reconnect.first", .type = LH_OPTION_DURATION, .preset = "500ms", .range = "0s..1d",
     .help = "The wait before the first attempt.", .landing = GROUP(reconnect.first_ns)},
    {.key = "groups.*.reconnect.max", .type = LH_OPTION_DURATION, .preset = "30s", .range = "0s..1d",
     .help = "The longest wait between attempts.", .landing = GROUP(reconnect.max_ns)},
    {.key = "groups.*.reconnect.factor", .type = LH_OPTION_NUMBER, .preset = "2", .range = "1..100",
     .help = "How much longer each wait is than the one before.", .landing = GROUP(reconnect.factor)},
    {.key = "groups.*.reconnect.jitter", .type = LH_OPTION_CHOICE, .preset = "full", .choices = "none|equal|full",
     .help = "How waits are spread: none waits exactly, equal at least half, full anything from nothing to the whole wait.",
     .landing = GROUP(reconnect.jitter)},
    {.key = "groups.*.reconnect.limit", .type = LH_OPTION_COUNT, .preset = "", .range = "1..4294967295", .example = "100",
     .help = "Failed attempts in a row after which a client gives up; without it, it never does.",
     .landing = GROUP(reconnect.limit)},
    {.key = "groups.*.reconnect.reset_after", .type = LH_OPTION_DURATION, .preset = "10s", .range = "0s..1d",
     .help = "Once open for this long, the next drop starts again with the first wait.",
     .landing = GROUP(reconnect.reset_after_ns)},
    {.key = "groups.*.reconnect.retry_after", .type = LH_OPTION_BOOL, .preset = "true",
     .help = "Whether a refusal's Retry-After is waited for, and then, with jitter, the backoff too.",
     .landing = GROUP(reconnect.retry_after)},
    {.key = "groups.*.data", .type = LH_OPTION_MAP, .preset = "",
     .landing = LAND(.by_presence = true, .alternative = true),
     .help = "Rows of a CSV file that feed the variables ${data.COLUMN} of messages, headers and paths."},
    {.key = "groups.*.data.file", .type = LH_OPTION_FILE, .example = "users.csv",
     .help = "The file, relative to the config (RFC 4180, UTF-8); its first row names the columns. It is read once, at the start.",
     .landing = GROUP(data.file, .set = set_data_file)},
    {.key = "groups.*.data.order", .type = LH_OPTION_CHOICE, .preset = "sequential", .choices = "sequential|random|per-client",
     .help = "Which row a message takes: the next one of the file, any one by the seed, or always the one of its client's number.",
     .landing = GROUP(data.order)},
    {.key = "groups.*.data.sha256", .type = LH_OPTION_STRING, .preset = "",
     .example = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     .help = "The file must have this SHA-256; run files keep it in place of the contents.",
     .landing = GROUP(data.sha256, .check = text_sha256, .alternative = true)},
    {.key = "groups.*.simulate", .type = LH_OPTION_MAP, .preset = "{}",
     .landing = LAND(.alternative = true, SIMULATED_ONLY), .help = "What kind null pretends."},
    {.key = "groups.*.simulate.service", .type = LH_OPTION_DURATION, .preset = "1ms", .range = "0s..1h",
     .help = "How long a pretended server takes to reply.", .landing = GROUP(null_service_ns)},
    {.key = "groups.*.simulate.drops_per_client_hour", .type = LH_OPTION_NUMBER, .preset = "0", .range = "0..3600",
     .example = "0.5", .help = "How often a pretended connection drops.", .landing = GROUP(null_drop_rate)},

    /* ---- pushed messages ---- */
    {.key = "groups.*.incoming", .type = LH_OPTION_MAP, .preset = "",
     .landing = GROUP(incoming.enabled, .by_presence = true, PUSHES_ONLY),
     .help = "Checks of what the server pushes unasked; a reply, known by its token, is no push."},
    {.key = "groups.*.incoming.sequence", .type = LH_OPTION_MAP, .preset = "", .landing = LAND(.by_presence = true),
     .help = "Where a push carries its number; numbers rise by one, and what is missing, doubled or out of order is counted."},
    {.key = "groups.*.incoming.sequence.field", .type = LH_OPTION_STRING, .preset = "", .example = "/seq",
     .help = "A JSON pointer (RFC 6901) to the number, which may stand in quotes; kind sse: also id, the event's own.",
     .landing = GROUP(incoming.sequence.field, .check = text_field)},
    {.key = "groups.*.incoming.sequence.regex", .type = LH_OPTION_STRING, .preset = "", .example = "seq=([0-9]+)",
     .help = "An extended regular expression (POSIX) whose first group, or all it matches, is the number; beside field, "
             "within that.",
     .landing = GROUP(incoming.sequence.regex, .check = text_regex)},
    {.key = "groups.*.incoming.sequence.offset", .type = LH_OPTION_COUNT, .preset = "", .range = "0..16777216",
     .example = "4", .help = "In a binary message, the byte at which the number begins.",
     .landing = GROUP(incoming.sequence.offset, .alternative = true)},
    {.key = "groups.*.incoming.sequence.width", .type = LH_OPTION_COUNT, .preset = "4", .range = "1..8",
     .help = "With offset, the bytes of the number, which begins anew at 0 when they are used up.",
     .landing = GROUP(incoming.sequence.width, .alternative = true)},
    {.key = "groups.*.incoming.sequence.endian", .type = LH_OPTION_CHOICE, .preset = "big", .choices = "big|little",
     .help = "With offset, whether its most significant byte comes first (big) or last.",
     .landing = GROUP(incoming.sequence.little, .alternative = true)},
    {.key = "groups.*.incoming.scope", .type = LH_OPTION_CHOICE, .preset = "connection", .choices = "connection|client",
     .help = "connection: each connection has a sequence of its own; client: it goes on over reconnects, and what passed "
             "meanwhile is counted as missed while away.",
     .landing = GROUP(incoming.by_client)},
    {.key = "groups.*.incoming.gap_max", .type = LH_OPTION_DURATION, .preset = "", .range = "10ms..365d", .example = "15s",
     .help = "An open client that hears no push for longer than this counts as silent.",
     .landing = GROUP(incoming.gap_max_ns)},
    {.key = "groups.*.incoming.timestamp", .type = LH_OPTION_MAP, .preset = "", .landing = LAND(.by_presence = true),
     .help = "Where a push carries the time it was sent, for the one-way delay; both clocks must agree for that to be right."},
    {.key = "groups.*.incoming.timestamp.field", .type = LH_OPTION_STRING, .preset = "", .example = "/time",
     .help = "A JSON pointer (RFC 6901) to the time; kind sse: also id.",
     .landing = GROUP(incoming.timestamp.field, .check = text_field)},
    {.key = "groups.*.incoming.timestamp.regex", .type = LH_OPTION_STRING, .preset = "", .example = "at=([0-9]+)",
     .help = "An extended regular expression (POSIX) whose first group, or all it matches, is the time; beside field, "
             "within that.",
     .landing = GROUP(incoming.timestamp.regex, .check = text_regex)},
    {.key = "groups.*.incoming.timestamp.offset", .type = LH_OPTION_COUNT, .preset = "", .range = "0..16777216",
     .example = "8", .help = "In a binary message, the byte at which the time begins.",
     .landing = GROUP(incoming.timestamp.offset, .alternative = true)},
    {.key = "groups.*.incoming.timestamp.width", .type = LH_OPTION_COUNT, .preset = "8", .range = "1..8",
     .help = "With offset, the bytes of the time.", .landing = GROUP(incoming.timestamp.width, .alternative = true)},
    {.key = "groups.*.incoming.timestamp.endian", .type = LH_OPTION_CHOICE, .preset = "big", .choices = "big|little",
     .help = "With offset, whether its most significant byte comes first (big) or last.",
     .landing = GROUP(incoming.timestamp.little, .alternative = true)},
    {.key = "groups.*.incoming.timestamp.unit", .type = LH_OPTION_CHOICE, .preset = "ms", .choices = "ms|us|s|ns|rfc3339",
     .help = "What the time counts since 1970 UTC; text may have decimals; rfc3339 is text such as 2026-01-31T08:00:00.250Z.",
     .landing = GROUP(incoming.unit)},

    /* ---- messages ---- */
    {.key = "groups.*.messages", .type = LH_OPTION_LIST, .preset = "",
     .help = "What each client sends; without it the group only listens.",
     .landing = LAND(HOLDS(struct lh_group, messages, message_count, struct lh_message,
                      .name = offsetof(struct lh_message, name), .place = offsetof(struct lh_message, place),
                      .most = LH_MESSAGES_MAX))},
    {.key = "groups.*.messages[]", .type = LH_OPTION_MAP, .preset = "", .help = "One scheduled message.",
     .landing = NO_LANDING},
    {.key = "groups.*.messages[].name", .type = LH_OPTION_STRING, .preset = "", .example = "hello",
     .help = "What reports call it; without it, message1 and so on.",
     .landing = MESSAGE(name, .check = text_name, .limit = LH_NAME_MAX - 1)},
    {.key = "groups.*.messages[].every", .type = LH_OPTION_DURATION, .preset = "", .range = "1ms..365d", .example = "10s",
     .help = "The time between two sends of one client; may be left out with after: open (sent once), reply or incoming.",
     .landing = MESSAGE(every_ns)},
    {.key = "groups.*.messages[].jitter", .type = LH_OPTION_SHARE, .preset = "0%", .range = "0%..100%", .example = "20%",
     .help = "Move each send by up to half of this share of `every` to either side, without drift.",
     .landing = MESSAGE(jitter)},
    {.key = "groups.*.messages[].phase", .type = LH_OPTION_CHOICE, .preset = "spread", .choices = "spread|together",
     .help = "spread spaces the clients evenly over the period; together makes the herd.", .landing = MESSAGE(phase)},
    {.key = "groups.*.messages[].after", .type = LH_OPTION_CHOICE, .preset = "run", .choices = "run|open|reply|incoming",
     .help = "What the schedule counts from: the run, each opening of the connection, the reply to the one before, or a "
             "message of the server.",
     .landing = MESSAGE(after)},
    {.key = "groups.*.messages[].delay", .type = LH_OPTION_DURATION, .preset = "0s", .range = "0s..365d", .example = "1s",
     .help = "With after: open, reply or incoming, the wait before the first send.",
     .landing = MESSAGE(delay_ns, .alternative = true)},
    {.key = "groups.*.messages[].when", .type = LH_OPTION_MAP, .preset = "",
     .help = "With after: incoming, which messages of the server; all that is given must hold.",
     .landing = LAND(.by_presence = true, .alternative = true)},
    {.key = "groups.*.messages[].when.equals", .type = LH_OPTION_STRING, .preset = "", .example = "ping",
     .help = "The whole message is this, or with `pointer` the value there; a JSON string is compared without its quotes.",
     .landing = MESSAGE(when.equals)},
    {.key = "groups.*.messages[].when.begins", .type = LH_OPTION_STRING, .preset = "", .example = "40",
     .help = "The message begins with this text.", .landing = MESSAGE(when.begins, .alternative = true)},
    {.key = "groups.*.messages[].when.contains", .type = LH_OPTION_STRING, .preset = "", .example = "ready",
     .help = "The message holds this text.", .landing = MESSAGE(when.contains, .alternative = true)},
    {.key = "groups.*.messages[].when.pointer", .type = LH_OPTION_STRING, .preset = "", .example = "/type",
     .help = "The message is JSON and has a value at this JSON pointer (RFC 6901).",
     .landing = MESSAGE(when.pointer, .check = text_pointer, .alternative = true)},
    {.key = "groups.*.messages[].when.hex", .type = LH_OPTION_STRING, .preset = "", .example = "20 02 00 00",
     .help = "The message begins with these bytes, in hexadecimal.", .landing = LAND(.set = set_when_hex, .alternative = true)},
    {.key = "groups.*.messages[].from", .type = LH_OPTION_DURATION, .preset = "0s", .range = "0s..365d",
     .help = "Send nothing before this time of the run.", .landing = MESSAGE(from_ns)},
    {.key = "groups.*.messages[].until", .type = LH_OPTION_DURATION, .preset = "end", .range = "1ms..365d",
     .choices = "end", .help = "Send nothing from this time of the run on.",
     .landing = MESSAGE(until_ns, .word = LH_NEVER)},
    {.key = "groups.*.messages[].count", .type = LH_OPTION_COUNT, .preset = "", .range = "1..1000000000000",
     .example = "1000", .help = "The most sends by one client in the run; without it there is no limit.",
     .landing = MESSAGE(count)},
    {.key = "groups.*.messages[].get", .type = LH_OPTION_TEMPLATE, .preset = "", .example = "/healthz",
     .help = "Kind http: the path of a GET request; it may hold variables.",
     .landing = LAND(.set = set_request, .alternative = true)},
    {.key = "groups.*.messages[].post", .type = LH_OPTION_TEMPLATE, .preset = "", .example = "/orders/${seq}",
     .help = "Kind http: the path of a POST request; it may hold variables.",
     .landing = LAND(.set = set_request, .alternative = true)},
    {.key = "groups.*.messages[].put", .type = LH_OPTION_TEMPLATE, .preset = "", .example = "/orders/${seq}",
     .help = "Kind http: the path of a PUT request; it may hold variables.",
     .landing = LAND(.set = set_request, .alternative = true)},
    {.key = "groups.*.messages[].patch", .type = LH_OPTION_TEMPLATE, .preset = "", .example = "/orders/${seq}",
     .help = "Kind http: the path of a PATCH request; it may hold variables.",
     .landing = LAND(.set = set_request, .alternative = true)},
    {.key = "groups.*.messages[].delete", .type = LH_OPTION_TEMPLATE, .preset = "", .example = "/orders/${seq}",
     .help = "Kind http: the path of a DELETE request; it may hold variables.",
     .landing = LAND(.set = set_request, .alternative = true)},
    {.key = "groups.*.messages[].head", .type = LH_OPTION_TEMPLATE, .preset = "", .example = "/orders/${seq}",
     .help = "Kind http: the path of a HEAD request; it may hold variables.",
     .landing = LAND(.set = set_request, .alternative = true)},
    {.key = "groups.*.messages[].options", .type = LH_OPTION_TEMPLATE, .preset = "", .example = "/orders/${seq}",
     .help = "Kind http: the path of a OPTIONS request; it may hold variables.",
     .landing = LAND(.set = set_request, .alternative = true)},
    {.key = "groups.*.messages[].headers", .type = LH_OPTION_HEADERS, .preset = "",
     .example = "{X-Request-Id: \"${token}\"}",
     .help = "Kind http: headers to add after the group's; the same name replaces.",
     .landing = MESSAGE(headers, .set = set_headers, .alternative = true)},
    {.key = "groups.*.messages[].text", .type = LH_OPTION_TEMPLATE, .preset = "",
     .example = "{\"op\":\"echo\",\"id\":\"${token}\",\"n\":${seq}}",
     .help = "The payload; variables are ${token}, ${seq}, ${client}, ${group}, ${time_ms}, ${uuid}, ${rand:1..100}, ${data.COLUMN}.",
     .landing = LAND(.set = set_payload_text)},
    {.key = "groups.*.messages[].binary", .type = LH_OPTION_STRING, .preset = "", .example = "AAECAw==",
     .help = "The payload in base64, sent as it is.", .landing = LAND(.set = set_payload_base64, .alternative = true)},
    {.key = "groups.*.messages[].hex", .type = LH_OPTION_TEMPLATE, .preset = "", .example = "30 1f 0003 6c682f ${token}",
     .help = "The payload in hexadecimal, spaces as you like, with variables between the bytes: for binary protocols.",
     .landing = LAND(.set = set_payload_hex, .alternative = true)},
    {.key = "groups.*.messages[].file", .type = LH_OPTION_FILE, .preset = "", .example = "payloads/order.json",
     .help = "A file with the payload, relative to the config; text may hold variables.",
     .landing = LAND(.set = set_payload_file, .alternative = true)},
    {.key = "groups.*.messages[].size", .type = LH_OPTION_SIZE, .preset = "", .range = "1B..16MiB", .example = "4KiB",
     .help = "A payload of this size: a token, then fill.", .landing = MESSAGE(payload_len, .alternative = true)},
    {.key = "groups.*.messages[].frame", .type = LH_OPTION_CHOICE, .preset = "auto", .choices = "auto|text|binary",
     .help = "The WebSocket frame it goes in; auto is binary for `binary` and for a file that is not UTF-8 text.",
     .landing = NO_LANDING},
    {.key = "groups.*.messages[].reply", .type = LH_OPTION_MAP, .preset = "",
     .help = "What answers it; without it no reply is expected.",
     .landing = LAND(.by_presence = true, .place = offsetof(struct lh_message, reply.place) + 1)},
    {.key = "groups.*.messages[].reply.contains", .type = LH_OPTION_TEMPLATE, .preset = "", .example = "${token}",
     .help = "Text that the reply must hold; with ${token} in it, the reply is known by the token.",
     .landing = MESSAGE(reply.contains)},
    {.key = "groups.*.messages[].reply.pointer", .type = LH_OPTION_STRING, .preset = "", .example = "/id",
     .help = "A JSON pointer (RFC 6901) to the value of the reply that holds the token; kind http: to a value that must be there.",
     .landing = MESSAGE(reply.pointer, .check = text_pointer, .alternative = true)},
    {.key = "groups.*.messages[].reply.status", .type = LH_OPTION_STRINGS, .preset = "", .example = "[200, 3xx]",
     .help = "Kind http: the statuses that are accepted, one or a list, as 204 or 3xx; without it, 2xx.",
     .landing = LAND(.set = set_statuses, .limit = LH_STATUSES_MAX - 1, .alternative = true)},
    {.key = "groups.*.messages[].reply.matches", .type = LH_OPTION_STRING, .preset = "", .example = "\"id\": *[0-9]+",
     .help = "Kind http: an extended regular expression (POSIX) that the body must match.",
     .landing = MESSAGE(reply.matches, .check = text_regex, .alternative = true)},
    {.key = "groups.*.messages[].reply.equals", .type = LH_OPTION_TEMPLATE, .preset = "", .example = "ready",
     .help = "Kind http: what the value at `pointer` must be; a JSON string is compared without its quotes.",
     .landing = MESSAGE(reply.equals, .alternative = true)},
    {.key = "groups.*.messages[].reply.body_max", .type = LH_OPTION_SIZE, .preset = "", .range = "1B..1024GiB", .example = "64KiB",
     .help = "Kind http: a longer body fails the check.", .landing = MESSAGE(reply.body_max, .alternative = true)},
    {.key = "groups.*.messages[].reply.match", .type = LH_OPTION_CHOICE, .preset = "auto",
     .choices = "auto|token|order|pointer|echo", .example = "token",
     .help = "How a reply is known: by its token, by order, by a pointer, or as an exact echo; auto follows the other keys.",
     .landing = MESSAGE(reply.match)},
    {.key = "groups.*.messages[].reply.within", .type = LH_OPTION_DURATION, .preset = "5s", .range = "1ms..1h",
     .help = "A reply that takes longer counts as late.", .landing = MESSAGE(reply.within_ns)},
    {.key = "groups.*.messages[].reply.lost_after", .type = LH_OPTION_DURATION, .preset = "auto", .range = "1ms..1d",
     .choices = "auto", .help = "No reply in this time counts as lost; auto is twice `within`, at least 1m.",
     .landing = MESSAGE(reply.lost_after_ns)},
    {.key = "groups.*.messages[].reply.else", .type = LH_OPTION_CHOICE, .preset = "wait", .choices = "wait|reconnect",
     .help = "What a lost reply leads to: wait goes on, reconnect ends the connection, which counts as a drop.",
     .landing = MESSAGE(reply.end_when_lost)},

    /* ---- planned disturbances ---- */
    {.key = "actions", .type = LH_OPTION_LIST, .preset = "",
     .help = "Disturbances from our side, so that a run tests how the server recovers; they are never counted as drops.",
     .landing = LAND(HOLDS(struct lh_config, actions, action_count, struct lh_action, .name = NO_MEMBER,
                      .place = offsetof(struct lh_action, place), .most = LH_ACTIONS_MAX))},
    {.key = "actions[]", .type = LH_OPTION_MAP, .preset = "", .help = "One disturbance: a drop, a close or a pause.",
     .landing = NO_LANDING},
    {.key = "actions[].at", .type = LH_OPTION_DURATION, .range = "0s..365d", .example = "10m",
     .help = "When, since the start of the run.", .landing = ACTION(at_ns)},
    {.key = "actions[].every", .type = LH_OPTION_DURATION, .preset = "", .range = "100ms..365d", .example = "1h",
     .help = "Again after each such time; without it, once.", .landing = ACTION(every_ns)},
    {.key = "actions[].group", .type = LH_OPTION_STRING, .preset = "", .example = "chat",
     .help = "The group whose clients it takes; without it, those of every group.", .landing = NO_LANDING},
    {.key = "actions[].drop", .type = LH_OPTION_SHARE, .preset = "", .range = "0%..100%", .example = "20%",
     .help = "Reset the connections of so many clients, chosen by the seed and anew each time.", .landing = NO_LANDING},
    {.key = "actions[].close", .type = LH_OPTION_COUNT, .preset = "", .range = "1000..4999", .example = "4000",
     .help = "Close connections in good order with this close code.",
     .landing = ACTION(close_code, .alternative = true)},
    {.key = "actions[].pause", .type = LH_OPTION_DURATION, .preset = "", .range = "1ms..365d", .choices = "end",
     .example = "30s", .help = "Send neither messages nor pings for so long; end: to the end of the run.",
     .landing = ACTION(pause_ns, .word = LH_NEVER, .alternative = true)},
    {.key = "actions[].clients", .type = LH_OPTION_SHARE, .preset = "100%", .range = "0%..100%", .example = "20%",
     .help = "With close or pause, the share of the clients that it takes.",
     .landing = ACTION(share, .alternative = true)},

    /* ---- objectives ---- */
    {.key = "slo", .type = LH_OPTION_LIST, .preset = "", .help = "Objectives that decide between passed and failed.",
     .landing = LAND(HOLDS(struct lh_config, slo, slo_count, struct lh_slo_config, .name = NO_MEMBER,
                      .place = offsetof(struct lh_slo_config, place), .most = LH_SLO_MAX))},
    {.key = "slo[]", .type = LH_OPTION_MAP, .preset = "", .help = "One objective.", .landing = NO_LANDING},
    {.key = "slo[].metric", .type = LH_OPTION_STRING, .example = "chat.response.p99",
     .help = "availability, drops_per_client_hour, lost_percent, failed_percent, a counter, or HISTOGRAM.p99 and the like; for one group, GROUP. "
             "before it.",
     .landing = SLO(metric)},
    {.key = "slo[].below", .type = LH_OPTION_STRING, .preset = "", .example = "250ms",
     .help = "The metric must stay below this: a duration, a share or a number, as the metric is.", .landing = NO_LANDING},
    {.key = "slo[].above", .type = LH_OPTION_STRING, .preset = "", .example = "99.9%",
     .help = "The metric must stay above this.", .landing = LAND(.alternative = true)},
    {.key = "slo[].for", .type = LH_OPTION_DURATION, .preset = "", .range = "1s..365d", .example = "5m",
     .help = "It must hold over each sliding window of this length; without it, over the run.", .landing = SLO(for_ns)},
    {.key = "slo[].after", .type = LH_OPTION_DURATION, .preset = "0s", .range = "0s..365d", .example = "1m",
     .help = "Leave out this much at the start of the run.", .landing = SLO(after_ns)},
    {.key = "slo[].abort_after", .type = LH_OPTION_DURATION, .preset = "", .range = "1s..365d", .example = "10m",
     .help = "End the run once it was breached for this long; without it the run goes on.", .landing = SLO(abort_after_ns)},

    /* ---- hooks ---- */
    {.key = "hooks", .type = LH_OPTION_MAP, .preset = "",
     .help = "Commands that the run starts; they find what happened in LONGHAUL_* of their environment.",
     .landing = LAND(.by_presence = true)},
    {.key = "hooks.on_breach", .type = LH_OPTION_STRINGS, .preset = "", .example = "[notify-send, an objective is breached]",
     .help = "A command and its arguments, run each time an objective begins to be breached.",
     .landing = HOOKS(on_breach, .limit = LH_HOOK_WORDS_MAX)},
    {.key = "hooks.on_end", .type = LH_OPTION_STRINGS, .preset = "", .example = "[./publish.sh, nightly]",
     .help = "A command and its arguments, run when the run is over and its reports are written.",
     .landing = HOOKS(on_end, .limit = LH_HOOK_WORDS_MAX)},
    {.key = "hooks.timeout", .type = LH_OPTION_DURATION, .preset = "30s", .range = "1s..1h",
     .help = "A command that takes longer is killed, with everything it started.", .landing = HOOKS(timeout_ns)},
};
/* clang-format on */

const struct lh_option *lh_options(size_t *count) {
  *count = sizeof options / sizeof *options;
  return options;
}

#include "panel.h"

#include <linux/tcp.h> /* not netinet/tcp.h, whose struct tcp_info ends before tcpi_segs_out */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "peer.h"

enum { LOOKS_MAX = 256 }; /* clients looked at with one report to fill empty seats: most may be down */

struct seat {
  uint32_t slot; /* LH_NO_PEER: empty */
  int fd;
  uint16_t local_port; /* with fd: the same connection as before */
  uint32_t retransmits, segments; /* of the connection so far */
};

struct panel {
  uint32_t first_slot, slot_count;
  uint32_t next;    /* client to take the next empty seat, from 0 */
  uint32_t leaving; /* seat to be emptied next */
  struct seat seats[LH_SEATS_MAX];
};

struct lh_panels {
  lh_panel_fd_of *fd_of;
  void *context;
  uint32_t seat_count; /* of each panel */
  uint32_t group_count;
  struct panel panels[];
};

struct lh_panels *lh_panels_new(struct lh_engine *engine, uint32_t group_count, lh_panel_fd_of *fd_of, void *context) {
  struct lh_panels *panels = calloc(1, sizeof *panels + group_count * sizeof *panels->panels);
  if (!panels) return NULL;
  uint32_t fair = LH_READINGS_MAX / (group_count ? group_count : 1);
  panels->fd_of = fd_of;
  panels->context = context;
  panels->group_count = group_count;
  panels->seat_count = fair < LH_SEATS_MAX ? fair : LH_SEATS_MAX;
  for (uint32_t g = 0; g < group_count; g++)
    for (uint32_t i = 0; i < LH_SEATS_MAX; i++) panels->panels[g].seats[i].slot = LH_NO_PEER;
  /* A group's slots lie side by side. */
  for (uint32_t slot = lh_engine_client_count(engine); slot-- > 0;) {
    struct panel *panel = &panels->panels[lh_engine_group_of(engine, slot)];
    panel->first_slot = slot;
    panel->slot_count++;
  }
  return panels;
}

static bool is_seated(const struct lh_panels *panels, const struct panel *panel, uint32_t slot) {
  for (uint32_t i = 0; i < panels->seat_count; i++)
    if (panel->seats[i].slot == slot) return true;
  return false;
}

/* The next client in turn that is open and not looked at already; false when `looks` are used up. */
static bool seat_next(struct lh_panels *panels, struct panel *panel, struct seat *seat, uint32_t *looks) {
  while (*looks) {
    uint32_t slot = panel->first_slot + panel->next;
    uint16_t local_port = 0;
    (*looks)--;
    panel->next = (panel->next + 1) % panel->slot_count;
    if (is_seated(panels, panel, slot)) continue;
    int fd = panels->fd_of(panels->context, slot, &local_port);
    if (fd == LH_NO_FD) continue;
    *seat = (struct seat){.slot = slot, .fd = fd, .local_port = local_port};
    return true;
  }
  return false;
}

static bool still_sits(struct lh_panels *panels, const struct seat *seat) {
  uint16_t local_port = 0;
  return seat->slot != LH_NO_PEER && panels->fd_of(panels->context, seat->slot, &local_port) == seat->fd &&
         local_port == seat->local_port;
}

/* What the handshake sent is no news of this slice, so the first reading of a seat counts no segments. */
static void read_seat(struct seat *seat, bool is_first, struct lh_snapshot *into) {
  struct tcp_info info;
  socklen_t len = sizeof info;
  memset(&info, 0, sizeof info); /* an older kernel fills less */
  if (getsockopt(seat->fd, IPPROTO_TCP, TCP_INFO, &info, &len)) return;
  into->counters[LH_COUNTER_tcp_readings]++;
  if (!is_first) {
    into->counters[LH_COUNTER_tcp_segments] += info.tcpi_segs_out - seat->segments;
    into->counters[LH_COUNTER_retransmits] += info.tcpi_total_retrans - seat->retransmits;
  }
  seat->segments = info.tcpi_segs_out;
  seat->retransmits = info.tcpi_total_retrans;
  into->gauges[LH_GAUGE_tcp_seats]++;
  into->gauges[LH_GAUGE_unacked] += info.tcpi_unacked;
  lh_hdr_record(&into->hists[LH_HIST_rtt], info.tcpi_rtt);
}

void lh_panel_read(struct lh_panels *panels, uint32_t group, struct lh_snapshot *into) {
  struct panel *panel = &panels->panels[group];
  uint32_t looks = panel->slot_count < LOOKS_MAX ? panel->slot_count : LOOKS_MAX;
  into->gauges[LH_GAUGE_tcp_seats] = into->gauges[LH_GAUGE_unacked] = 0;
  if (!panel->slot_count) return;
  for (uint32_t i = 0; i < panels->seat_count; i++) {
    struct seat *seat = &panel->seats[i];
    bool stays = still_sits(panels, seat);
    if (!stays) seat->slot = LH_NO_PEER;
    if (stays || seat_next(panels, panel, seat, &looks)) read_seat(seat, !stays, into);
  }
  if (panel->slot_count <= panels->seat_count) return; /* everyone has a seat */
  panel->seats[panel->leaving].slot = LH_NO_PEER;
  panel->leaving = (panel->leaving + 1) % panels->seat_count;
}

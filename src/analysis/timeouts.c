#include "analysis/timeouts.h"

#include <math.h>

/* Defaults as shipped; every one can be set otherwise, which is why they are only ever named as candidates. */
static const struct lh_timeout rows[] = {
    {5, LH_TIMEOUT_IDLE, "Node.js HTTP keep-alive", true},
    {5, LH_TIMEOUT_IDLE, "gunicorn keep-alive", false},
    {20, LH_TIMEOUT_IDLE, "Socket.IO waiting for the answer to its ping", true},
    {30, LH_TIMEOUT_IDLE, "Jetty", true},
    {30, LH_TIMEOUT_IDLE, "HAProxy as OpenShift sets it", false},
    {55, LH_TIMEOUT_IDLE, "Heroku's router", false},
    {60, LH_TIMEOUT_IDLE, "AWS Application Load Balancer", true},
    {60, LH_TIMEOUT_IDLE, "AWS Classic Load Balancer", true},
    {60, LH_TIMEOUT_IDLE, "nginx proxy_read_timeout, ingress-nginx too", true},
    {60, LH_TIMEOUT_IDLE, "fly.io's proxy", false},
    {65, LH_TIMEOUT_IDLE, "OCI load balancer", true},
    {75, LH_TIMEOUT_IDLE, "nginx keepalive_timeout", true},
    {100, LH_TIMEOUT_IDLE, "Cloudflare", false},
    {240, LH_TIMEOUT_IDLE, "Azure load balancer", true},
    {240, LH_TIMEOUT_IDLE, "IBM VPC load balancer", true},
    {300, LH_TIMEOUT_IDLE, "Azure Front Door WebSocket", true},
    {300, LH_TIMEOUT_IDLE, "OCI load balancer towards its backends", true},
    {310, LH_TIMEOUT_IDLE, "libwebsockets without a pong", true},
    {350, LH_TIMEOUT_IDLE, "AWS Network Load Balancer", true},
    {350, LH_TIMEOUT_IDLE, "AWS Network Firewall", true},
    {400, LH_TIMEOUT_IDLE, "Cloudflare towards clients", false},
    {600, LH_TIMEOUT_IDLE, "AWS API Gateway WebSocket", true},
    {600, LH_TIMEOUT_IDLE, "AWS CloudFront WebSocket", true},
    {600, LH_TIMEOUT_IDLE, "Google Cloud VPC firewall", true},
    {900, LH_TIMEOUT_IDLE, "kube-proxy in IPVS mode", false},
    {925, LH_TIMEOUT_IDLE, "Linux giving up on what nobody acknowledges (tcp_retries2)", false},
    {1200, LH_TIMEOUT_IDLE, "Google Cloud NAT", false},
    {3600, LH_TIMEOUT_IDLE, "Envoy", true},
    {7440, LH_TIMEOUT_IDLE, "a NAT that keeps to RFC 5382", false},
    {30, LH_TIMEOUT_LIFETIME, "Google Cloud HTTP(S) load balancer WebSocket", false},
    {45, LH_TIMEOUT_LIFETIME, "Socket.IO whose first ping is not answered", true},
    {300, LH_TIMEOUT_LIFETIME, "Cloud Run request timeout", true},
    {3600, LH_TIMEOUT_LIFETIME, "Cloud Run's longest request", true},
    {7200, LH_TIMEOUT_LIFETIME, "AWS API Gateway WebSocket", true},
    {14400, LH_TIMEOUT_LIFETIME, "Azure Front Door WebSocket", true},
};

size_t lh_timeouts_near(enum lh_timeout_kind kind, double seconds, double share, const struct lh_timeout **out, size_t most) {
  size_t found = 0;
  for (int documented = 1; documented >= 0; documented--) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && found < most; i++) {
      if (rows[i].kind != kind || rows[i].documented != documented) continue;
      if (fabs(rows[i].seconds - seconds) <= share * rows[i].seconds) out[found++] = &rows[i];
    }
  }
  return found;
}

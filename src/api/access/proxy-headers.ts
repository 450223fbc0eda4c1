/**
 * Headers that proxies add to what they pass on, by their names: RFC 9110 (Via, Max-Forwards), RFC 7239 (Forwarded), RFC 8586 (CDN-Loop), and
 * those of nginx, HAProxy, Envoy, Apache, IIS, Varnish, Cloudflare, Fastly, Akamai, CloudFront, Azure, App Engine, Heroku and Tailscale.
 * None of them is sent by a program that speaks for itself; trace ids (`traceparent`, `X-Request-Id`) are, so they do not count.
 */
const PROXY_HEADER =
  /^(?:forward|via$|max-forwards$|cdn-loop$|true-client-ip$|client-ip$|remote-addr$|cf-|fastly-|tailscale-|x-(?:forward|real-|client-|cluster-client-|remote-|envoy-|original-|rewrite-|proxy|request-start|queue-start|varnish|scheme$|host$|azure-|arr-|appengine-|amz-cf-))/;

/** @param name in lower case */
export function isProxyHeader(name: string): boolean {
  return PROXY_HEADER.test(name);
}

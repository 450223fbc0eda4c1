/**
 * The names of headers that proxies add to requests: RFC 9110 (Via, Max-Forwards), RFC 7239 (Forwarded), RFC 8586
 * (CDN-Loop), and those of nginx, HAProxy, Envoy, Apache, IIS, Varnish, Cloudflare, Fastly, Akamai, CloudFront, Azure,
 * App Engine, Heroku and Tailscale. Programs do not send any of them on their own behalf. They do send trace ids
 * (`traceparent`, `X-Request-Id`), which do not count.
 */
const PROXY_HEADER =
  /^(?:forward|via$|max-forwards$|cdn-loop$|true-client-ip$|client-ip$|remote-addr$|cf-|fastly-|tailscale-|x-(?:forward|real-|client-|cluster-client-|remote-|envoy-|original-|rewrite-|proxy|request-start|queue-start|varnish|scheme$|host$|azure-|arr-|appengine-|amz-cf-))/;

/** @param name in lower case */
export function isProxyHeader(name: string): boolean {
  return PROXY_HEADER.test(name);
}

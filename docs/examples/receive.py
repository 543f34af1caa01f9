"""receive.py SECRET [PORT]: receives messages to an endpoint, verifies them and prints each once. SECRET is the endpoint's, whsec_…"""
import base64
import hashlib
import hmac
import http.server
import json
import sys
import time

KEY = base64.b64decode(sys.argv[1].removeprefix("whsec_"))
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 3000
# Delivery is at least once. A real receiver remembers ids in its database, in the transaction that acts on the message.
seen = set()


def is_genuine(headers, body):
    if abs(time.time() - int(headers["webhook-timestamp"])) > 300:
        return False
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    own = "v1," + base64.b64encode(hmac.digest(KEY, signed, hashlib.sha256)).decode()
    return any(hmac.compare_digest(own, other) for other in headers["webhook-signature"].split(" "))


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            genuine = is_genuine(self.headers, body)
        except (TypeError, ValueError):
            genuine = False
        self.send_response(204 if genuine else 401)
        self.end_headers()
        if genuine and self.headers["webhook-id"] not in seen:
            seen.add(self.headers["webhook-id"])
            message = json.loads(body)
            print(message["type"], message["data"].get("externalId"), message["data"].get("status"), flush=True)

    def log_message(self, *_):
        pass


http.server.HTTPServer(("127.0.0.1", PORT), Receiver).serve_forever()

"""read.py BASE TOKEN [POLLS]: prints every transaction, then polls the first page for changes, five times unless told."""
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

BASE, TOKEN = sys.argv[1], sys.argv[2]
POLLS = int(sys.argv[3]) if len(sys.argv) > 3 else 5


def get(path, etag=None, **query):
    """An answer's data and ETag; no data where it is still the one of `etag`."""
    request = urllib.request.Request(f"{BASE}{path}?{urllib.parse.urlencode(query)}")
    request.add_header("Authorization", f"Bearer {TOKEN}")
    if etag:
        request.add_header("If-None-Match", etag)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"], answer.headers["ETag"]
    except urllib.error.HTTPError as error:
        if error.code == 304:
            return None, etag
        problem = json.load(error)
        raise SystemExit(f"{problem['title']}: {problem['detail']}") from None


def transactions(**query):
    """All transactions of a filter, page by page."""
    cursor = {}
    while True:
        page, _ = get("/api/v1/transactions", limit=100, **query, **cursor)
        yield from page["transactions"]
        if not page["pagination"].get("nextCursor"):
            return
        cursor = {"cursor": page["pagination"]["nextCursor"]}


for one in transactions():
    print(one["transactionTime"], one["status"], one["amount"], one["currency"], one["externalId"])

etag = None
for _ in range(POLLS):
    page, etag = get("/api/v1/transactions", etag, limit=20)
    print("unchanged" if page is None else f"changed: {page['pagination']['total']} transactions")
    time.sleep(2)

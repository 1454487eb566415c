"""What do files of the families that are plain text look like?"""

SYSLOG_3164 = """\
<11>Jan  5 10:00:00 h1 shop[7]: order O-7 refused by erp
Jan  5 10:00:01 h1 shop[7]: order O-8 taken
Jan  5 10:00:01 h1 kernel: it is warm
"""
SYSLOG_5424 = """\
<11>1 2026-01-05T10:00:00.000Z h1 shop 7 ID1 [order@1 id="O-7" note="a \\] and \\"b\\""] \ufefforder refused
<14>1 2026-01-05T10:00:01+01:00 h1 erp - - - nothing to say
"""
ACCESS = """\
10.0.0.1 - - [05/Jan/2026:10:00:00 +0100] "POST /orders/O-7 HTTP/1.1" 422 17 "-" "curl/8"
2001:db8::1 - Ann_Smith [05/Jan/2026:10:00:01 +0330] "GET /q?a=\\"b\\" HTTP/2.0" 200 - "https://shop.example/" "Mozilla/5.0 (X11)"
10.0.0.2 - - [05/Jan/2026:10:00:02 +0000] "\\x16\\x03" 400 0 "-" "-"
"""
LOGFMT = """\
time=2026-01-05T10:00:00Z level=error msg="order refused, a=b" order_id=O-7 err="no VAT id" trace_id=0af7651916cd43dd8448eb211c80319c
time=2026-01-05T10:00:01Z level=info msg=taken order_id=O-8 reason= urgent
"""
TIMESTAMPED = """\
2026-01-05 10:00:00,123 ERROR [main] shop.Orders: order O-7 refused
Traceback (most recent call last):
  File "shop.py", line 7, in post
    raise Rejected("no VAT id")
Rejected: no VAT id
2026-01-05 10:00:01,000 INFO [main] shop.Orders: order O-8 taken
"""
CRI = """\
2026-01-05T10:00:00.000000001Z stdout P {"level":"error","msg":"order O-7
2026-01-05T10:00:00.000000002Z stderr F warned
2026-01-05T10:00:00.000000003Z stdout F  refused","order_id":"O-7","user_email":"ann.smith@acme.example"}
2026-01-05T11:00:01.5+01:00 stdout F plain words
"""
XES = """\
<?xml version="1.0" encoding="UTF-8"?>
<log xmlns="http://www.xes-standard.org/">
  <global scope="event"><string key="org:group" value="UNKNOWN"/></global>
  <float key="statistics" value="1"><float key="inner" value="2"/></float>
  <trace>
    <string key="concept:name" value="O-7"/>
    <event><string key="concept:name" value="Taken"/><date key="time:timestamp" value="2026-01-05T10:00:00Z"/>
      <string key="org:group" value="UNKNOWN"/><string key="org:resource" value="Ann Smith"/></event>
    <event><string key="concept:name" value="Refused"/><date key="time:timestamp" value="2026-01-05T10:00:01Z"/>
      <string key="org:group" value="core"/><string key="lifecycle:transition" value="complete"/></event>
  </trace>
</log>
"""

"""Under which names do loggers write the same thing?

Names are compared without case and punctuation, and without the wrapper they stand in: `fields.trace_id`,
`labels.trace-id` and `TraceId` are one name. For each role the names are listed best first.
"""

from __future__ import annotations

import re

ROLES = {
    "time": "@timestamp timestamp time ts eventtime datetime timeiso8601 @t t asctime logtime eventcreated "
    "realtimetimestamp timemillis timestampms timegenerated occurredat occurred createdat created "
    "starttime requesttime timelocal isotime msec unixtime when date receivedat publishtime ingestiontime "
    "instant tdate",
    "level": "loglevel level severity levelname @l lvl severitytext severitylevel loglevelname severitylabel "
    "severitynumber levelno priority eventlevel s",
    "body": "message msg @m @mt body shortmessage textpayload log renderedmessage logmessage text line "
    "fullmessage raw event content messagetemplate description resultdescription eventmessage rawmessage",
    "event": "eventname eventaction eventtype operationname action event @i",
    "system": "servicename service application app applicationname appname svc cloudrolename ddservice "
    "kubernetescontainername k8scontainername containername kuberneteslabelsapp "
    "kuberneteslabelsappkubernetesioname resourcelabelsservicename resourcelabelscontainername "
    "resourcelabelsfunctionname resourcelabelsmoduleid resourcelabelsjobname resourcelabelsjobid "
    "syslogidentifier program programname component systemdunit container functionname lambdafunction "
    "systemname system servicenamespace loggroupname loggroup eventsource sourcesystem sourceservice "
    "origin producer processname ident",
    "pod": "podname kubernetespodname k8spodname kubernetespod pod",
    "host": "hostname host machinename machine computer server node nodename instance instanceid agenthostname "
    "kuberneteshost logstreamname logstream roleinstance cloudroleinstance",
    "trace": "traceid ddtraceid oteltraceid xb3traceid logginggoogleapiscomtrace @tr traceparent xraytraceid "
    "xamzntraceid xraytrace spancontexttraceid trace operationid",
    "span": "spanid ddspanid otelspanid xb3spanid logginggoogleapiscomspanid @sp spancontextspanid traceparent "
    "operationparentid",
    "correlation": "correlationid xcorrelationid corrid cid clienttrackingid conversationid businesskey businessid "
    "requestid xrequestid reqid httprequestid requestcontextrequestid awsrequestid globalrequestid "
    "ordernumber orderno orderid orderref invoicenumber invoiceno invoiceid paymentid shipmentid "
    "transactionref transactionid txid txnid messageid jobid executionid workflowid flowid operationid",
    "peer": "peerservice servicepeername peer targetservice targetsystem target destinationservice "
    "destinationsystem destinationservicename destinationdomain destinationaddress destination downstream "
    "downstreamservice upstreamservice upstreamcluster upstreamhost upstreamaddr upstream callee "
    "calledservice remoteservice remotehost serveraddress netpeername partner dependency dependencyname "
    "to",
    "url": "upstreamurl targeturl downstreamurl endpointurl requesturl httpurl urlfull url uri endpoint",
    "status": "httpstatuscode httpresponsestatuscode statuscode httpstatus responsestatus responsestatuscode "
    "responsecode httprequeststatus resstatuscode resstatus elbstatuscode scstatus httpcode status code",
    "exception_type": "errortype exceptiontype exceptionclass exceptionclassname errtype errname errorname exctype "
    "errorclass errorkind thrownname throwntype errorcode",
    "exception_message": "errormessage exceptionmessage errmessage excvalue excmessage errormsg thrownmessage error "
    "err exception cause",
    "stack": "errorstacktrace stacktrace exceptionstacktrace errstack errorstack stack excinfo exctext @x "
    "traceback thrownextendedstacktrace backtrace exceptionstack exception",
    "person": "username userid user enduserid usr usrid actorname actor principal",
    "team": "team owningteam",
    "method": "httpmethod httprequestmethod requestmethod method reqmethod csmethod",
    "path": "urlpath path uripath requestpath requri requrl httptarget httproute requesturi csuristem requesturl "
    "httpurl urlfull url uri request",
}  # fmt: skip
# What the name of a field says about its numbers.
UNITS = {"timemillis": "ms", "timestampms": "ms", "realtimetimestamp": "us", "ingestiontime": "ms"}
SCALES = {"severitynumber": "otel", "levelno": "python", "severitylevel": "insights"}
# Business keys and requests of one transaction are no wrappers; these are.
_WRAPPER = re.compile(
    r"(?:fields|context|ctx|extras?|mdc|contextmap|properties|props|labels|tags|data|attributes|attrs|payload|json"
    r"|jsonpayload|protopayload|metadata|meta|details?|record|log|resource|customdimensions|state|scope|body|msg|message"
    r"|event|eventdata|content|info|otel|kubernetes|docker)[.]",
    re.IGNORECASE,
)
_RANKS = {
    role: {name: rank for rank, name in reversed(list(enumerate(names.split())))} for role, names in ROLES.items()
}
_UNWRAPPING = 1000


def bare(name: str) -> str:
    """Return a field's name without case and punctuation.

    Examples
    --------
    >>> bare("Trace-ID"), bare("trace.id"), bare("@t")
    ('traceid', 'traceid', '@t')
    """
    return re.sub(r"[^a-z0-9@]", "", name.lower())


def plan(names: tuple[str, ...], first: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return for each role the fields of a record that may hold it, best first.

    Parameters
    ----------
    names
        Fields of the record, in dotted names.
    first
        Bare names that one kind of logger uses for a role before all others.

    Examples
    --------
    >>> plan(("msg", "ctx.order_id", "ts"), {})["correlation"]
    ('ctx.order_id',)
    """
    ranked: dict[str, list[tuple[int, int, str]]] = {}
    for place, name in enumerate(names):
        for cost, spelling in _spellings(name):
            for role, ranks in _RANKS.items():
                own = first.get(role, ())
                if spelling in own:
                    ranked.setdefault(role, []).append((own.index(spelling) - len(own), place, name))
                elif spelling in ranks:
                    ranked.setdefault(role, []).append((cost + ranks[spelling], place, name))
    return {role: tuple(dict.fromkeys(name for _, _, name in sorted(found))) for role, found in ranked.items()}


def _spellings(name: str) -> list[tuple[int, str]]:
    """Return the spellings under which a field's name is looked up; each wrapper taken off costs."""
    found = []
    cost = 0
    while True:
        found.append((cost, bare(name)))
        wrapper = _WRAPPER.match(name)
        if wrapper is None:
            return found
        name, cost = name[wrapper.end() :], cost + _UNWRAPPING

"""Proxies: of the settings and of the environment, with a password, and what they do wrong (H16 of
the fault matrix). The proxy is blamed, not the source."""

import base64
import os
import socket

import fault_h2
import fault_http
from fault_proxy import Proxy, Tinyproxy
from harness import DP, filler
from test_http2 import trusted
from test_matrix_http import BAD, GOOD, SIZE, codes, each, errors_of, fails, one_file, succeeds

PASSWORD = "hunter-2-secret"
WITH = "somebody:" + PASSWORD
SMALL = 5000


def use(scene, url, **keys):
    """The proxy of the settings, in a file that only its owner reads."""
    if os.path.exists(scene.path("authority/ca.pem")):
        keys["caFile"] = scene.path("authority/ca.pem")
    scene.settings(proxy=url, **keys)
    os.chmod(scene.path("nearpoint.json"), 0o600)


def plain(scene, content):
    server = scene.fault()
    scene.policy(content, [DP(BAD, server.url + "/ok")])
    return server


def secure(scene, content):
    pair = trusted(scene)
    server = scene.keep(fault_h2.H2Server(scene.www, pair))
    scene.policy(content, [DP(BAD, server.url + "/ok")])
    return server


def secure_http_1(scene, content):
    pair = trusted(scene)
    server = scene.fault(certificate=pair)
    scene.policy(content, [DP(BAD, server.url + "/ok")])
    return server


SCHEMES = {"http": plain, "https": secure}
WAYS = dict(SCHEMES, **{"https-1": secure_http_1})


def says_no_secret(scene, result):
    """Neither what is printed nor what is written has it."""
    places = [result.out, result.err]
    for folder in ("logs", "state", "cache"):
        for root, _, names in os.walk(scene.path(folder)):
            for name in names:
                with open(os.path.join(root, name), encoding="latin-1") as file:
                    places.append(file.read())
    assert not any(PASSWORD in text or "c29tZWJvZHk6" in text for text in places)


def blamed(result, code):
    errors = errors_of(result)
    assert errors and {error["blame"] for error in errors} == {"proxy"}, result
    assert {error["code"] for error in errors} == {code}, result
    assert result.json["error"]["blame"] == "proxy", result
    return errors[-1]["text"]


# tinyproxy.


def with_password(scene, scheme):
    content = scene.content({"f%d" % i: filler(SMALL, i) for i in range(5)})
    proxy = Tinyproxy(scene, "BasicAuth somebody " + PASSWORD)
    server = SCHEMES[scheme](scene, content)
    use(scene, proxy.url.replace("//", "//%s@" % WITH))
    result = succeeds(scene, content)
    says_no_secret(scene, result)
    asked = proxy.requests()
    assert asked and {method for method, _ in asked} == {"CONNECT" if scheme == "https" else "GET"}
    assert len(server.asked()) == 5 and set(getattr(server, "spoken", ["h2"])) == {"h2"}
    assert not any("proxy-authorization" in r["headers"] for r in server.asked())


each("test_tinyproxy_password", "The password of the settings (%s): the content comes through.",
     SCHEMES, with_password)


def no_password(scene, scheme):
    content = one_file(scene, SMALL)
    proxy = Tinyproxy(scene, "BasicAuth somebody " + PASSWORD)
    server = SCHEMES[scheme](scene, content)
    use(scene, proxy.url)
    result = fails(scene, content)
    text = blamed(result, "PROXY_PASSWORD")
    assert "the proxy wants a user name and a password" in text, result
    assert "the settings file's 'proxy'" in text and server.asked() == [], result
    assert result.seconds < 5, result


each("test_tinyproxy_no_password", "It wants a password and gets none (%s): the setting is named.",
     SCHEMES, no_password)


def wrong_password(scene, scheme):
    content = one_file(scene, SMALL)
    proxy = Tinyproxy(scene, "BasicAuth somebody other")
    server = SCHEMES[scheme](scene, content)
    use(scene, proxy.url.replace("//", "//%s@" % WITH))
    result = fails(scene, content)
    text = blamed(result, "PROXY_PASSWORD")
    assert "does not accept the user name and password of the settings" in text, result
    assert server.asked() == [] and result.seconds < 5, result
    says_no_secret(scene, result)


each("test_tinyproxy_wrong_password", "It does not accept the password (%s).", SCHEMES,
     wrong_password)


def test_tinyproxy_of_the_environment(scene):
    """With a password in http_proxy; the twin without one names the variable."""
    content = one_file(scene, SMALL)
    proxy = Tinyproxy(scene, "BasicAuth somebody " + PASSWORD)
    server = plain(scene, content)
    scene.env["http_proxy"] = proxy.url
    result = fails(scene, content)
    assert "the environment's http_proxy" in blamed(result, "PROXY_PASSWORD"), result
    scene.env["http_proxy"] = proxy.url.replace("//", "//%s@" % WITH)
    result = succeeds(scene, content)
    says_no_secret(scene, result)
    assert len(server.asked()) == 1 and len(proxy.requests()) == 2


def dead_upstream(scene, scheme):
    content = one_file(scene, SMALL)
    closed = scene.keep(socket.socket())
    closed.bind(("127.0.0.1", 0))
    proxy = Tinyproxy(scene, "Upstream http 127.0.0.1:%d" % closed.getsockname()[1])
    server = SCHEMES[scheme](scene, content)
    use(scene, proxy.url)
    result = fails(scene, content, timeout=60)
    text = blamed(result, "PROXY")
    word = "to CONNECT" if scheme == "https" else "the proxy itself answers"
    assert word in text and server.asked() == [], result
    assert proxy.requests()


each("test_tinyproxy_dead_upstream", "What stands behind it is dead (%s).", SCHEMES, dead_upstream)


def test_tinyproxy_passes_refusals_on(scene):
    """The source's own 404 is the source's."""
    content = one_file(scene, SMALL)
    proxy = Tinyproxy(scene)
    server = scene.fault()
    scene.policy(content, [DP(BAD, server.url + "/404")])
    use(scene, proxy.url)
    result = fails(scene, content)
    assert result.json["error"]["blame"] == "source" and codes(result) == {"HTTP_404"}, result
    assert len(server.asked()) == len(proxy.requests()) == 2, "once a form of the URL"


def test_password_that_others_may_read(scene):
    """Refused with a message that names the key; without a password nobody minds."""
    content = one_file(scene, SMALL)
    proxy, server = Tinyproxy(scene), plain(scene, content)
    use(scene, proxy.url.replace("//", "//%s@" % WITH))
    os.chmod(scene.path("nearpoint.json"), 0o644)
    result = scene.get()
    assert result.code == 3 and "'proxy'" in result.err and "chmod 600" in result.err, result
    assert PASSWORD not in result.err and server.asked() == [] and proxy.requests() == []
    use(scene, proxy.url)
    os.chmod(scene.path("nearpoint.json"), 0o644)
    succeeds(scene, content)


# One that does what it is told: H16.


def scripted(scene, scheme, otherwise="pass", script=(), size=SIZE):
    content = one_file(scene, size)
    server = WAYS[scheme](scene, content)
    proxy = scene.keep(Proxy(otherwise, script))
    use(scene, proxy.url)
    return content, server, proxy


def test_h16_passes(scene):
    """The twin of all that follows: it passes everything on."""
    content, server, proxy = scripted(scene, "http")
    succeeds(scene, content)
    assert len(server.asked()) == 1 and proxy.asked[0][0] == "GET"


def refuses(scene, scheme):
    content = one_file(scene, SMALL)
    server = SCHEMES[scheme](scene, content)
    closed = scene.keep(socket.socket())
    closed.bind(("127.0.0.1", 0))
    use(scene, "http://127.0.0.1:%d" % closed.getsockname()[1])
    result = fails(scene, content, timeout=60)
    text = blamed(result, "CONNECT")
    assert "the proxy refuses the connection" in text and server.asked() == [], result


each("test_h16_refuses", "Nobody listens at its port (%s).", SCHEMES, refuses)


def test_h16_refuses_all(scene):
    """All sources wait for it, and none of them is tried in the other's place: one look for both."""
    content = one_file(scene, SMALL)
    server = scene.fault()
    scene.policy(content, [DP(BAD, server.url + "/ok", near=True), DP(GOOD, server.url + "/ok")])
    proxy = scene.keep(Proxy("page.407"))
    use(scene, proxy.url)
    result = scene.get()
    assert result.code == 1 and len(proxy.asked) == 1, proxy.asked
    for name in (BAD, GOOD):
        assert {error["blame"] for error in errors_of(result, name)} == {"proxy"}, result


def test_h16_no_such_name(scene):
    """Its name does not resolve."""
    content = one_file(scene, SMALL)
    plain(scene, content)
    use(scene, "http://proxy.invalid:3128")
    result = fails(scene, content, timeout=60)
    assert "the proxy's name does not resolve" in blamed(result, "PROXY"), result


def dies_once(scene, scheme):
    content, server, proxy = scripted(scene, scheme, script=["dies.%d" % (SIZE // 2)])
    result = succeeds(scene, content)
    assert proxy.asked[0][2].startswith("dies") and len(proxy.asked) >= 2, proxy.asked
    first, second = server.asked()
    assert second["range"] and second["range"] != "bytes=0-", second
    (error,) = errors_of(result)
    assert error["blame"] == "proxy", result


each("test_h16_dies_midway", "It dies in the middle (%s): it is blamed, the rest is asked for.",
     WAYS, dies_once)


def dies_always(scene, scheme):
    content, server, proxy = scripted(scene, scheme, otherwise="dies.0")
    result = fails(scene, content, timeout=60)
    blamed(result, "CLOSED")
    assert len(proxy.asked) >= 2, proxy.asked


each("test_h16_dies_always", "It dies whenever it is asked (%s).", WAYS, dies_always)


def hangs_up(scene, scheme):
    content, server, proxy = scripted(scene, scheme, otherwise="close")
    result = fails(scene, content, timeout=60)
    assert "the proxy" in blamed(result, "CLOSED") and proxy.asked, result
    assert server.asked() == []


each("test_h16_hangs_up", "It closes without a word (%s).", SCHEMES, hangs_up)


def test_h16_dies_and_another_source(scene):
    """One that dies over one source lets another give the content."""
    content = one_file(scene)
    servers = [scene.fault(), scene.fault()]
    scene.policy(content, [DP(BAD, servers[0].url + "/ok", near=True),
                           DP(GOOD, servers[1].url + "/ok")])
    proxy = scene.keep(Proxy(script=["page.502"]))
    use(scene, proxy.url)
    result = succeeds(scene, content)
    assert servers[1].asked() and servers[0].asked() == []
    assert errors_of(result)[0]["blame"] == "proxy", result


# Whose page is it? (status, mark): the proxy's.
PAGES = {"502.": True, "504.": True, "403.": False, "503.": False, "502.via": False,
         "503.status-own": True, "503.status-theirs": False, "503.squid": True, "403.server": True,
         "404.": False, "407.": True}


def page(scene, kind):
    content, server, proxy = scripted(scene, "http", otherwise="page." + kind)
    result = fails(scene, content, timeout=60)
    assert proxy.asked and server.asked() == []
    status, own = kind.split(".")[0], PAGES[kind]
    if own:
        text = blamed(result, "PROXY_PASSWORD" if status == "407" else "PROXY")
        assert status == "407" or "the proxy itself answers HTTP status " + status in text, text
    else:
        assert codes(result) == {"HTTP_" + status}, result
        assert result.json["error"]["blame"] == "source", result


each("test_h16_page", "Its own error page (%s) is told from the source's.", PAGES, page)


def test_h16_web_page(scene):
    """200 and a web page for everything."""
    content, server, proxy = scripted(scene, "http", otherwise="html")
    result = fails(scene, content, timeout=60)
    assert "web page" in blamed(result, "PORTAL") and server.asked() == [], result


def test_h16_web_page_in_a_tunnel(scene):
    """The twin: through a tunnel it is the source's."""
    content, server, proxy = scripted(scene, "https")
    server.instead["ok"] = "portal"
    result = fails(scene, content, timeout=60)
    assert server.reached and proxy.asked[0][0] == "CONNECT"
    assert result.json["error"]["blame"] == "source" and codes(result) == {"PORTAL"}, result


def in_a_tunnel(scene, fault):
    content, server, proxy = scripted(scene, "https")
    server.instead["ok"] = fault
    result = fails(scene, content, timeout=60)
    assert server.reached and proxy.asked[0][0] == "CONNECT"
    assert result.json["error"]["blame"] == "source", result


each("test_h16_sources_fault_in_a_tunnel", "What the source itself does (%s) is the source's.",
     ("reset-always", "length.less", "headers-many"), in_a_tunnel)

CONNECTS = {"407": "PROXY_PASSWORD", "403": "PROXY", "502": "PROXY", "503": "PROXY"}


def connect(scene, status):
    content, server, proxy = scripted(scene, "https", otherwise="page." + status)
    result = fails(scene, content, timeout=60)
    text = blamed(result, CONNECTS[status])
    assert status == "407" or "HTTP status %s to CONNECT" % status in text, text
    assert {method for method, _, _ in proxy.asked} == {"CONNECT"} and server.asked() == []


each("test_h16_connect", "It answers %s to CONNECT.", CONNECTS, connect)


def rubbish(scene, scheme):
    content, server, proxy = scripted(scene, scheme, otherwise="rubbish")
    result = fails(scene, content, timeout=60)
    assert result.json["error"]["blame"] == "proxy" and proxy.asked, result
    assert server.asked() == []


each("test_h16_rubbish", "It answers what is not HTTP (%s).", SCHEMES, rubbish)


def test_h16_certificate_behind_it(scene):
    """A certificate that does not hold is the source's, through a tunnel too."""
    content = one_file(scene, SMALL)
    trusted(scene)
    server = scene.keep(fault_h2.H2Server(scene.www, fault_http.Authority(scene, "theirs").issue()))
    scene.policy(content, [DP(BAD, server.url + "/ok")])
    proxy = scene.keep(Proxy())
    use(scene, proxy.url)
    result = fails(scene, content)
    assert proxy.asked and codes(result) == {"TLS"}, result
    assert result.json["error"]["blame"] == "source", result


def test_https_proxy(scene):
    """A proxy that is itself spoken to over TLS, with a password."""
    content = one_file(scene, SMALL)
    pair = trusted(scene)
    server = scene.fault()
    scene.policy(content, [DP(GOOD, server.url + "/ok")])
    proxy = scene.keep(Proxy(tls=pair))
    use(scene, proxy.url.replace("//", "//%s@" % WITH), caFile=scene.path("authority/ca.pem"))
    result = succeeds(scene, content)
    assert "Proxy-Authorization: Basic" in proxy.heads[0] and server.asked(), proxy.heads
    says_no_secret(scene, result)


def test_https_proxy_of_an_unknown_authority(scene):
    """It is the proxy whose certificate does not hold."""
    content = one_file(scene, SMALL)
    server = secure(scene, content)
    proxy = scene.keep(Proxy(tls=fault_http.Authority(scene, "theirs").issue()))
    use(scene, proxy.url)
    result = fails(scene, content)
    text = blamed(result, "TLS")
    assert "the proxy shows a certificate of an authority that is not trusted" in text, result
    assert server.handshakes == [] and proxy.asked == []


def test_password_of_any_characters(scene):
    """Percent-encoded in the URL."""
    content = one_file(scene, SMALL)
    plain(scene, content)
    proxy = scene.keep(Proxy())
    use(scene, proxy.url.replace("//", "//some%20body:p%40ss%3A%2Fw%25@"))
    succeeds(scene, content)
    secret = base64.b64encode(b"some body:p@ss:/w%").decode()
    assert "Proxy-Authorization: Basic %s\r\n" % secret in proxy.heads[0], proxy.heads


# Which proxy, and for whom.


def environment(scene, variables, host="127.0.0.1", setting="system"):
    """Did the request go through the proxy?"""
    content = one_file(scene, SMALL)
    server = scene.fault()
    scene.policy(content, [DP(GOOD, server.url.replace("127.0.0.1", host) + "/ok")])
    proxy = scene.keep(Proxy())
    scene.env.update({name: value.replace("PROXY", proxy.url) for name, value in variables.items()})
    scene.settings(proxy=setting.replace("PROXY", proxy.url))
    succeeds(scene, content)
    assert len(server.asked()) == 1
    return bool(proxy.asked)


VARIABLES = {
    "http_proxy": ({"http_proxy": "PROXY"}, True),
    "HTTP_PROXY": ({"HTTP_PROXY": "PROXY"}, False),
    "https_proxy": ({"https_proxy": "PROXY"}, False),
    "all_proxy": ({"all_proxy": "PROXY"}, True),
    "ALL_PROXY": ({"ALL_PROXY": "PROXY"}, True),
    "own-before-all": ({"http_proxy": "PROXY", "all_proxy": "http://127.0.0.1:9"}, True),
    "empty": ({"http_proxy": ""}, False),
    "no_proxy": ({"http_proxy": "PROXY", "no_proxy": "127.0.0.1"}, False),
    "NO_PROXY": ({"http_proxy": "PROXY", "NO_PROXY": "127.0.0.1"}, False),
    "network": ({"http_proxy": "PROXY", "no_proxy": "127.0.0.0/8"}, False),
    "other-network": ({"http_proxy": "PROXY", "no_proxy": "10.0.0.0/8"}, True),
    "star": ({"http_proxy": "PROXY", "no_proxy": "*"}, False),
    "other": ({"http_proxy": "PROXY", "no_proxy": "example.test, 10.1.2.3"}, True),
}


def by_variable(scene, kind):
    variables, proxied = VARIABLES[kind]
    assert environment(scene, variables) == proxied


each("test_environment", "Of the environment: %s.", VARIABLES, by_variable)


def test_setting_before_the_environment(scene):
    """The settings file's proxy wins."""
    assert environment(scene, {"http_proxy": "http://127.0.0.1:9"}, setting="PROXY")


def test_setting_and_no_proxy(scene):
    """no_proxy counts for it too, as for curl."""
    assert not environment(scene, {"no_proxy": "127.0.0.1"}, setting="PROXY")


def test_none(scene):
    """"none": the environment is not looked at."""
    assert not environment(scene, {"http_proxy": "PROXY"}, setting="none")

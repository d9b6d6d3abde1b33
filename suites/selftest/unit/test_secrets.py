"""URLs with secrets: the environment's values put in, and shown nowhere."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fixtures.building.fetch import secrets
from fixtures.core.errors import InfrastructureError

KEY = "crossgate.toml: projects.x.source.git"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/x.tar.gz", "https://host/x.tar.gz"),
        ("https://user:word@host:8443/x", "https://***@host:8443/x"),
        ("https://token@host/x?sig=abc&b#c", "https://***@host/x?***"),
        ("https://host/x#sha", "https://host/x#***"),
        ("https://${USER}:${TOKEN}@host/${PLACE}", "https://***@host/${PLACE}"),
        ("https://a@b@host/x", "https://***@host/x"),
        ("https://u:pass/word@host/x", "https://***@host/x"),
        ("https://host/@scope/package", "https://host/@scope/package"),
        ("https://host:${PORT}/@scope/package", "https://host:${PORT}/@scope/package"),
        ("https://[::1]:8080/@scope", "https://[::1]:8080/@scope"),
        ("ssh://git@host/x", "ssh://***@host/x"),
        ("git@host:group/x.git", "***@host:group/x.git"),
        ("../x.tar", "../x.tar"),
        ("https://host/\x1b[31m", "https://host/\\x1b[31m"),
    ],
)
def test_a_url_is_shown_without_secrets(url: str, shown: str) -> None:
    """User, password and query are masked, the host and path are not."""
    assert secrets.shown(url) == shown


def test_values_are_put_in_once() -> None:
    """What a value looks like itself means nothing."""
    url = secrets.expand("https://h/${A}/${B}", {"A": "${B}", "B": "b"}, KEY)

    assert url.value == "https://h/${B}/b"
    assert f"{url} {url!r}".count("${A}") == 2
    assert "${B}/b" not in repr(url)


def test_a_variable_that_is_not_set_is_named() -> None:
    """With the manifest's key, and nothing of the URL."""
    with pytest.raises(InfrastructureError) as caught:
        secrets.expand("https://word:${TOKEN}@h/${WHERE}", {"WHERE": "there"}, KEY)

    assert str(caught.value).startswith(f"{KEY}: TOKEN is not set")
    assert "word" not in str(caught.value)
    assert "there" not in str(caught.value)


@pytest.mark.parametrize("value", ["--upload-pack=x", "a b", "a\nb"])
def test_a_value_can_not_make_an_option_of_a_url(value: str) -> None:
    """What the manifest may not spell, a variable may not either; its value is not quoted."""
    with pytest.raises(InfrastructureError) as caught:
        secrets.expand("${URL}", {"URL": value}, KEY)

    assert value not in str(caught.value)


def test_a_login_is_taken_apart() -> None:
    """What would end it is escaped when it is put in, and read back as it was."""
    environment = {"LOGIN": "me:p@ss/w#rd?", "PLAIN": "a%40b"}
    both = secrets.expand("https://${LOGIN}@host/x", environment, KEY)
    escaped = secrets.expand("https://${PLAIN}@host/x", environment, KEY)

    assert secrets.split_login(both.value) == ("https://host/x", ("me", "p@ss/w#rd?"))
    assert secrets.split_login(escaped.value) == ("https://host/x", ("a@b", ""))
    assert secrets.split_login("https://host/x@y") == ("https://host/x@y", None)


def test_a_whole_url_in_a_variable_is_secret() -> None:
    """Its login is found in the value, and the variable's name is what is shown."""
    url = secrets.expand("${URL}", {"URL": "https://me:hunter22@host/x"}, KEY)

    assert str(url) == "${URL}"
    assert "hunter22" not in url.secrets.scrub("fatal: hunter22 at https://me:hunter22@host/x")


_value = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, categories=["L", "N", "P"]))


@given(user=_value, password=_value)
def test_no_form_of_a_password_is_left(user: str, password: str) -> None:
    """As it is, escaped, and as HTTP's basic authentication has it."""
    assume(len(password) >= secrets.MIN_LENGTH and "$" not in user)
    # A password of stars can't be told from the mask.
    assume(set(password) != {"*"} and password not in "before after")
    environment = {"LOGIN": f"{quote(user, safe='')}:{quote(password, safe='')}"}
    url = secrets.expand("https://${LOGIN}@host/x", environment, KEY)
    basic = base64.b64encode(f"{user}:{password}".encode()).decode()

    said = url.secrets.scrub(
        f"before {password} {quote(password)} {quote(password, safe='')} {basic} after"
    )

    assert password not in said
    assert basic not in said
    assert said.startswith("before ***")


def test_a_short_value_does_not_turn_a_text_to_mush() -> None:
    """It is masked where a URL has it, not wherever its letters are."""
    url = secrets.expand("https://${A}:ab@host/x", {"A": "e"}, KEY)

    said = url.secrets.scrub("here is https://e:ab@host/x and 'http://ab@h'")

    assert said == "here is https://***@host/x and 'http://***@h'"


def test_values_of_a_query_are_secret() -> None:
    """Literal ones too, escaped or not."""
    url = secrets.expand("https://host/x?sig=a%2Fbcdef&key=${K}", {"K": "geheim"}, KEY)

    said = url.secrets.scrub("sig=a%2Fbcdef sig=a/bcdef sig=a%2fbcdef key=geheim")

    assert said == "sig=*** sig=*** sig=*** key=***"

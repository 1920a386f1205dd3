"""Sign-in: the page uses the API's token, so where others can reach the page, they must enter that token first."""

from __future__ import annotations

import hmac
import ipaddress

import streamlit as st

from frontend.client import own_token

_ADMITTED = "sign_in.admitted"


def admitted() -> bool:
    """Whether this session is signed in; asks for the token where it is not."""
    if _of_this_machine(st.get_option("server.address")) or st.session_state.get(_ADMITTED):
        return True
    st.title("DisWM Studio")
    token = own_token()
    if not token:
        st.error("This page can be reached from other machines and has no token. Set DISWM_TOKEN and restart it.")
        return False
    given = st.text_input("Token", type="password", help="The value of DISWM_TOKEN. Ask the administrator for it.")
    if given and hmac.compare_digest(given.strip().encode(), token.encode()):
        st.session_state[_ADMITTED] = True
        st.rerun()
    if given:
        st.error("Wrong token. Enter the value that DISWM_TOKEN had where the page was started.")
    return False


def _of_this_machine(address: str | None) -> bool:
    """Whether a server at this address can be reached only from its own machine; without an address it listens
    everywhere.
    """
    try:
        return address == "localhost" or ipaddress.ip_address(address or "0.0.0.0").is_loopback
    except ValueError:
        return False

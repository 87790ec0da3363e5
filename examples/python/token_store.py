#!/usr/bin/env python3
"""OAuth tokens in AWS Secrets Manager, beside the Rust store: its schema 1, on a page of Python.

    store = TokenStore(boto3.client("secretsmanager"), "prod/crm/tokens")
    bob = store.find("bob@example.com")
    store.save("bob@example.com", {"access_token": "at-2", "expiry_time": expires_in(3600)}, bob)

It finds, saves and deletes the tokens of users. ../other-programs.md has the rules, and their numbers below.
"""
from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import random
import re
import sys
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Callable

import boto3
from botocore.exceptions import BotoCoreError, ClientError

SLOTS = uuid.UUID("d9ae17dd-6386-5eab-aa9a-1bb1bd39ea6e")
KEPT = {"schema", "id", "user_name", "save"}
CREDENTIALS = {"refresh_token", "access_token", "grant_token"}
FIELDS = KEPT | CREDENTIALS | {
    "client_id", "client_secret", "redirect_url", "api_domain", "scope", "token_type", "expiry_time",
}
NUMBER = f"number {uuid.uuid4()} "  # begins what stands for a JSON number here: a float would round it
NO_TEXT = "[\0\ud800-\udfff]"
DEADLINE = 10.0  # seconds
LOG = logging.getLogger("token_store")

Members = dict[str, Any]


class TokenError(Exception):
    """Nothing was written: what is stored is no token, in conflict with what is given, or it is too large."""


class Deleted(TokenError):
    """The token was deleted after it had been found, and must not come back."""


class Unfinished(Exception):
    """A request failed, see `__cause__`, but the save may have landed, and others may have written since. Call
    `again` soon, which begins with that same request: a new save could put an old refresh token over theirs."""

    def __init__(self, name: str, again: Callable[[], Token]) -> None:
        super().__init__(f"{name}: the save may have landed or not")
        self.again = again


@dataclass(frozen=True)
class Token:
    arn: str
    version: str
    members: Members = field(repr=False)  # nobody is to print a secret


@dataclass(frozen=True)
class Write:
    base: Token | None  # what it replaces
    members: Members = field(repr=False)  # what is stored once it has landed
    request: dict[str, Any] = field(repr=False)  # empty if there is nothing to change


def fingerprint(kind: str, *values: str) -> str:
    digest = hashlib.sha256("\0".join(("oauth-token-store", "1", kind, *values)).encode()).digest()
    return base64.b32encode(digest[:16]).decode().rstrip("=").lower()


def tags(members: Members) -> dict[str, str]:
    """The fingerprints to search by. That of an own `id` is never changed here, since no save changes an id."""
    client, of = members.get("client_id"), members.get
    keys: dict[str, list[Any]] = {
        "user": [of("user_name")],
        "grant": [client, of("grant_token")],
        "refresh": [client, of("refresh_token")],
        "access": [of("access_token")],
    }
    return {f"oauth-token-store:{kind}": fingerprint(kind, *key) for kind, key in keys.items() if all(key)}


def aws_tags(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def slot_after(version: str) -> str:
    return str(uuid.uuid5(SLOTS, version))


def expires_in(seconds: float) -> str:
    return str(int((time.time() + seconds) * 1000))


def check(members: Members) -> Members:
    """The members without empty fields, which count as absent; a ValueError that quotes nothing, if one is wrong."""
    for name, value in members.items():
        if name in FIELDS and (not isinstance(value, str) or value.startswith(NUMBER)):
            raise ValueError(f"`{name}` is no string")
        if "\0" in name or isinstance(value, str) and re.search(NO_TEXT if name in FIELDS else "\0", value):
            raise ValueError("a member holds a NUL or half a character")
    members = {name: value for name, value in members.items() if value != "" or name not in FIELDS}
    expiry = members.get("expiry_time", "0")
    if not re.fullmatch("[+-]?[0-9]{1,19}", expiry) or not -(2**63) <= int(expiry) < 2**63:
        raise ValueError("`expiry_time` is no number of milliseconds since 1970")
    if members.get("schema") != "1":
        raise ValueError("the value is not of schema 1")
    return members


def decode(text: str) -> Members:
    members = json.loads(text, parse_int=NUMBER.__add__, parse_float=NUMBER.__add__, parse_constant=int)
    if not isinstance(members, dict):
        raise ValueError("the value is no JSON object")
    return check(members)


def encode(members: Members) -> str:
    text = re.sub(f'"{NUMBER}([^"]+)"', r"\1", json.dumps(members, separators=(",", ":")))
    if len(text) > 65_536:  # it is ASCII
        raise TokenError("the token is larger than a secret's 65,536 bytes")
    return text


def new_in(given: Members, known: Members) -> Members:
    """What of the given is not known. An access token that is new keeps its expiry time with it."""
    new = {name: value for name, value in given.items() if known.get(name) != value}
    if "access_token" in new and "expiry_time" in given:
        new["expiry_time"] = given["expiry_time"]
    return new


class TokenStore:
    def __init__(self, client: Any, prefix: str = "oauth-tokens", **settings: Any) -> None:
        """`settings` go to CreateSecret, such as `KmsKeyId` and `Tags`."""
        if not re.fullmatch("[A-Za-z0-9_+=.@-]+(/[A-Za-z0-9_+=.@-]+)*", prefix):
            raise ValueError("the prefix cannot begin a secret's name")
        self.client, self.prefix, self.settings = client, prefix, settings

    def name(self, user: str) -> str:
        if not user or "\0" in user:
            raise ValueError("a user's name is empty or holds a NUL character")
        return f"{self.prefix}/u_{fingerprint('user', user)}"

    def find(self, user: str) -> Token | None:
        token = self.read(self.name(user))
        return token if token and token.members.get("user_name") == user else None

    def save(self, user: str, changes: dict[str, str], found: Token | None = None) -> Token:
        """Changes these fields of the user's token, and no others. With `found`, only what differs from that is a
        change, and a token that was deleted since is refused. Without, a missing token is made."""
        return Save(self, user, changes, found).run()

    def delete(self, user: str) -> None:
        try:
            self.client.delete_secret(SecretId=self.name(user), ForceDeleteWithoutRecovery=True)
        except self.client.exceptions.ResourceNotFoundException:
            pass

    def read(self, name: str, **version: str) -> Token | None:  # rule 1
        try:
            answer = self.client.get_secret_value(SecretId=name, **version)
            return Token(answer["ARN"], answer["VersionId"], decode(answer.get("SecretString", "")))
        except self.client.exceptions.ResourceNotFoundException:
            return None
        except self.client.exceptions.InvalidRequestException:
            secret = self.describe(name)
            if not secret or "DeletedDate" in secret:  # scheduled for deletion
                return None
            raise
        except ValueError as error:
            raise TokenError(f"{name}: {error}") from None  # that of `json` holds the text, but does not show it

    def describe(self, name: str) -> Any:
        try:
            return self.client.describe_secret(SecretId=name)
        except self.client.exceptions.ResourceNotFoundException:
            return {}


class Save:
    """One save on its way: a compare-and-swap, since Secrets Manager takes one content per ClientRequestToken."""

    def __init__(self, store: TokenStore, user: str, changes: dict[str, str], found: Token | None) -> None:
        if any(name in KEPT or not name or not isinstance(value, str) for name, value in changes.items()):
            raise ValueError("changes are fields and extras, each a string; the user and the id stay")
        if found and found.members.get("user_name") != user:
            raise ValueError("the token found is another user's")
        check({"schema": "1", **changes})
        self.store, self.user, self.name, self.found = store, user, store.name(user), found
        self.changes = {name: value for name, value in changes.items() if value}
        self.given = new_in(self.changes, found.members) if found else self.changes
        self.access_token = self.changes.get("access_token") or found and found.members.get("access_token")
        self.refused: Token | None = None  # whose slot was taken
        self.write: Write | None = None  # what was sent and has no final answer

    def run(self) -> Token:
        deadline, pause, failed = time.monotonic() + DEADLINE, 0.01, None
        resent = self.write is not None
        try:
            while time.monotonic() < deadline:
                resent = resent and self.write is not None
                write = self.write = self.write or self.prepare()
                if write.base and not write.request:
                    return write.base
                saved = self.put(write, write.base) if write.base else self.create(write)
                now = self.store.find(self.user) if saved and resent else saved  # rule 8
                if saved and write.base and now and now.arn == saved.arn:
                    self.tag(now, write.base)
                if saved:
                    return saved
                time.sleep(random.uniform(pause / 2, pause))
                pause = min(2 * pause, 0.64)
        except (BotoCoreError, ClientError) as error:
            failed = error
        raise Unfinished(self.name, self.run) from failed

    def prepare(self) -> Write:
        for pause in (0.01, 0.02, 0.0) if self.found else (0.0,):  # a read may be older than the one that found it
            if base := self.store.find(self.user):
                return self.merged_over(base)
            time.sleep(pause)
        if self.found:
            raise Deleted(f"{self.name}: the token was deleted after it had been found")
        members = {"schema": "1", "user_name": self.user, **self.changes, "save": uuid.uuid4().hex}
        if not CREDENTIALS & members.keys():
            raise TokenError("there is no token to store")
        fixed = {"oauth-token-store:kind": "token", "oauth-token-store:schema": "1"}
        own = {"Description": "OAuth token", "Tags": [], **self.store.settings}
        request = {"Name": self.name, "ClientRequestToken": str(uuid.uuid4()), "SecretString": encode(members)}
        return Write(None, members, {**own, **request, "Tags": own["Tags"] + aws_tags(fixed | tags(members))})

    def merged_over(self, base: Token) -> Write:  # rules 2 and 3
        stored, client = base.members, self.changes.get("client_id")
        if client and stored.get("client_id", client) != client:
            raise TokenError(f"{self.name}: the record belongs to another OAuth client")
        self.given = new_in(self.given, stored)
        self.access_token = self.access_token or stored.get("access_token")
        members = stored | self.given
        if self.access_token and members.get("access_token") != self.access_token:
            members["expiry_time"] = stored.get("expiry_time", "")  # the one given is another access token's
        elif "access_token" in self.given and "expiry_time" not in self.given:
            members["expiry_time"] = ""  # the one stored is the old access token's
        if members.get("expiry_time") == "":
            del members["expiry_time"]
        if members == stored:
            return Write(base, stored, {})
        members["save"] = uuid.uuid4().hex
        slot = self.slot_after_roll_back(base) if self.refused == base else slot_after(base.version)
        request = {"SecretId": base.arn, "ClientRequestToken": slot, "SecretString": encode(members)}
        return Write(base, members, request)

    def slot_after_roll_back(self, base: Token) -> str:  # rule 5
        page = self.store.client.list_secret_version_ids(SecretId=base.arn, IncludeDeprecated=True, MaxResults=100)
        versions = {version["VersionId"]: version.get("VersionStages", []) for version in page["Versions"]}
        slot = slot_after(base.version)
        while slot in versions and "AWSCURRENT" in versions.get(base.version, []):
            slot = slot_after(slot)
        return slot

    def put(self, write: Write, base: Token) -> Token | None:  # rules 4 and 5
        errors = self.store.client.exceptions
        try:
            self.store.client.put_secret_value(**write.request)
            return Token(base.arn, write.request["ClientRequestToken"], write.members)
        except (errors.ResourceExistsException, errors.ResourceNotFoundException, errors.InvalidRequestException):
            self.write, self.refused = None, base
            return None

    def create(self, write: Write) -> Token | None:  # rule 6
        store, errors, own = self.store, self.store.client.exceptions, write.request["ClientRequestToken"]
        try:
            return Token(store.client.create_secret(**write.request)["ARN"], own, write.members)
        except errors.ResourceExistsException:
            if landed := store.read(self.name, VersionId=own):
                return landed
            if store.find(self.user):
                self.write = None
            elif store.read(self.name):
                raise TokenError(f"{self.name}: the record of that name is not this user's")
        except errors.InvalidRequestException:
            secret = store.describe(self.name)
            if own in secret.get("VersionIdsToStages", {}):  # it had landed, and was deleted since
                return Token(secret["ARN"], own, write.members)
            if "DeletedDate" in secret:
                store.client.delete_secret(SecretId=secret["ARN"], ForceDeleteWithoutRecovery=True)
        return None

    def tag(self, saved: Token, base: Token) -> None:
        """The token is saved, whatever becomes of this."""
        changed = dict(tags(saved.members).items() - tags(base.members).items())
        try:
            if changed:
                self.store.client.tag_resource(SecretId=saved.arn, Tags=aws_tags(changed))
        except (BotoCoreError, ClientError):
            LOG.warning("%s is saved, but its search tags are out of date", self.name)


def main(operation: str = "", user: str = "") -> None:
    """`find USER` prints what is stored, `save USER` reads changes from stdin, a JSON object, and `delete USER`."""
    store = TokenStore(boto3.client("secretsmanager"), os.environ.get("OAUTH_TOKEN_STORE_PREFIX", "oauth-tokens"))
    if operation == "find" and (token := store.find(user)):
        print(encode(token.members))
    elif operation == "save":
        store.save(user, json.load(sys.stdin))
    elif operation == "delete":
        store.delete(user)
    else:
        sys.exit("no such token" if operation == "find" else main.__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])

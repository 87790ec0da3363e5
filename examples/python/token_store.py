#!/usr/bin/env python3
"""OAuth tokens in AWS Secrets Manager, beside the Rust store: its schema 1, on a page of Python.

    store = TokenStore(boto3.client("secretsmanager"), "prod/crm/tokens")
    bob = store.find("bob@example.com")
    store.save("bob@example.com", {"access_token": "at-2", "expiry_time": expires_in(3600)}, bob)

It finds, saves and deletes the tokens of users. Fields are strings by the names of the stored JSON, others are extras.
"""
from __future__ import annotations

import base64, hashlib, json, logging, os, random, re, sys, time, uuid  # noqa: E401
from dataclasses import dataclass, field
from typing import Any, Callable, NoReturn

import boto3
from botocore.exceptions import BotoCoreError, ClientError

SLOTS = uuid.UUID("d9ae17dd-6386-5eab-aa9a-1bb1bd39ea6e")
RESERVED = {"schema", "id", "user_name", "save"}
CREDENTIALS = {"refresh_token", "access_token", "grant_token"}
KNOWN = RESERVED | CREDENTIALS | {"client_id", "client_secret", "redirect_url", "api_domain", "scope", "token_type",
                                  "expiry_time"}
NUMBER = f"number {uuid.uuid4()} "  # begins what stands for a number in Python, where a float would round it
DEADLINE = 10.0  # seconds


class TokenError(Exception):
    """Nothing was written: what is stored is no token, in conflict with what is given, or too large."""


class Deleted(TokenError):
    """The token was deleted after it had been found, and must not come back."""


class Unfinished(Exception):
    """A request failed, see `__cause__`. The save may have landed all the same, and others may have written since: a new
    one could put an old refresh token over theirs. So call `again()`, which first sends the same request again."""

    def __init__(self, name: str, again: Callable[[], Token]) -> None:
        super().__init__(f"{name}: the save may have landed or not")
        self.again = again


@dataclass(frozen=True)
class Token:
    arn: str
    version: str
    members: dict[str, Any] = field(repr=False)  # nobody is to print a secret


def fingerprint(kind: str, *values: str) -> str:
    digest = hashlib.sha256("\0".join(("oauth-token-store", "1", kind, *values)).encode()).digest()
    return base64.b32encode(digest[:16]).decode().rstrip("=").lower()


def tags(members: dict[str, Any]) -> dict[str, str]:
    """What searches go by. That of an own `id` is never changed here, since no save changes an id."""
    client, of = members.get("client_id"), members.get
    keys = {"user": (of("user_name"),), "grant": (client, of("grant_token")),
            "refresh": (client, of("refresh_token")), "access": (of("access_token"),)}
    return {f"oauth-token-store:{kind}": fingerprint(kind, *key) for kind, key in keys.items() if all(key)}


def aws_tags(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def slot_after(version: str) -> str:
    return str(uuid.uuid5(SLOTS, version))


def expires_in(seconds: float) -> str:
    return str(int((time.time() + seconds) * 1000))


def check(members: dict[str, Any]) -> dict[str, Any]:
    """The members less empty fields, which count as absent. A ValueError says what is wrong, and quotes nothing."""
    for name, value in members.items():
        if name in KNOWN and (not isinstance(value, str) or value.startswith(NUMBER)):
            raise ValueError(f"`{name}` is no string")
        if "\0" in name or isinstance(value, str) and "\0" in value:
            raise ValueError("a member holds a NUL character")
    members = {name: value for name, value in members.items() if value != "" or name not in KNOWN}
    expiry = members.get("expiry_time", "0")
    if not re.fullmatch("[+-]?[0-9]{1,19}", expiry) or not -(2**63) <= int(expiry) < 2**63:
        raise ValueError("`expiry_time` is no number of milliseconds since 1970")
    if members.get("schema") != "1":
        raise ValueError("the value is not of schema 1")
    return members


def refuse(_: str) -> NoReturn:
    raise ValueError("the value is no JSON")


def decode(text: str) -> dict[str, Any]:
    members = json.loads(text, parse_int=NUMBER.__add__, parse_float=NUMBER.__add__, parse_constant=refuse)
    return check(members) if isinstance(members, dict) else refuse(text)


def encode(members: dict[str, Any]) -> str:
    text = re.sub(f'"{NUMBER}([^"]+)"', r"\1", json.dumps(members, separators=(",", ":")))
    if len(text) > 65_536:  # it is ASCII
        raise TokenError("the token is larger than a secret's 65,536 bytes")
    return text


def new_in(given: dict[str, str], known: dict[str, Any]) -> dict[str, str]:
    """What of the given is not known. An access token that is new keeps its expiry time with it."""
    new = {name: value for name, value in given.items() if known.get(name) != value}
    if "access_token" in new and "expiry_time" in given:
        new["expiry_time"] = given["expiry_time"]
    return new


class TokenStore:
    def __init__(self, client: Any, prefix: str = "oauth-tokens", **settings: Any) -> None:
        """`settings` go to CreateSecret, such as `KmsKeyId` and `Tags`."""
        if not re.fullmatch("[A-Za-z0-9_+=.@-]+(/[A-Za-z0-9_+=.@-]+)*", prefix) or len(prefix) > 256:
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
        """Changes these fields of the user's token, and no others. With `found`, only what differs from that is a change,
        and a token that was deleted since is refused. Without, a missing token is made."""
        return Save(self, user, changes, found).run()

    def delete(self, user: str) -> None:
        """At once, without recovery."""
        self.delete_secret(self.name(user))

    def delete_secret(self, secret_id: str) -> None:
        try:
            self.client.delete_secret(SecretId=secret_id, ForceDeleteWithoutRecovery=True)
        except self.client.exceptions.ResourceNotFoundException:
            pass

    def describe(self, name: str) -> dict[str, Any]:
        try:
            return self.client.describe_secret(SecretId=name)
        except self.client.exceptions.ResourceNotFoundException:
            return {}

    def read(self, name: str, **version: str) -> Token | None:
        try:
            answer = self.client.get_secret_value(SecretId=name, **version)
            return Token(answer["ARN"], answer["VersionId"], decode(answer.get("SecretString", "")))
        except self.client.exceptions.ResourceNotFoundException:
            return None
        except self.client.exceptions.InvalidRequestException:
            secret = self.describe(name)
            if not secret or "DeletedDate" in secret:  # scheduled for deletion is gone: it is never restored
                return None
            raise
        except ValueError as error:  # that of `json` holds the text
            problem = "the value is no JSON" if isinstance(error, json.JSONDecodeError) else str(error)
        raise TokenError(f"{name}: {problem}")


class Save:
    """One save on its way: a compare-and-swap, since Secrets Manager takes one content per ClientRequestToken."""

    def __init__(self, store: TokenStore, user: str, changes: dict[str, str], found: Token | None) -> None:
        if any(name in RESERVED or not name or not isinstance(value, str) for name, value in changes.items()):
            raise ValueError("changes are fields and extras, each a string; the user and the id stay")
        if found and found.members.get("user_name") != user:
            raise ValueError("the token found is another user's")
        check({"schema": "1", **changes})
        self.changes = {name: value for name, value in changes.items() if value}
        self.store, self.user, self.name, self.found = store, user, store.name(user), found
        self.given = new_in(self.changes, found.members) if found else self.changes
        self.access_token = self.changes.get("access_token") or found and found.members.get("access_token")
        self.base: Token | None = None  # what the request is to replace
        self.members: dict[str, Any] = {}  # what is stored once it has landed
        self.request: dict[str, Any] | None = None  # sent or to be sent, and not refused

    def run(self) -> Token:
        deadline, pause, error = time.monotonic() + DEADLINE, 0.01, None
        resent = self.request is not None
        try:
            while time.monotonic() < deadline:
                if self.request is None:
                    resent = False
                    self.prepare()
                if self.request is None:
                    return self.base  # nothing changes
                if saved := self.put() if self.base else self.create():
                    # What was sent again may have landed long ago; if others have written since, the tags are theirs.
                    if self.base and (not resent or self.store.find(self.user) == saved):
                        self.tag(saved)
                    return saved
                time.sleep(random.uniform(pause / 2, pause))
                pause = min(2 * pause, 0.64)
        except (BotoCoreError, ClientError) as failed:
            error = failed
        raise Unfinished(self.name, self.run) from error

    def prepare(self) -> None:
        """Makes the request from what is stored now, if there is anything to change."""
        refused, self.base = self.base, self.store.find(self.user)
        for pause in (0.01, 0.02):
            if self.found and not self.base:  # a read may be older than the one that found it
                time.sleep(pause)
                self.base = self.store.find(self.user)
        if not self.base and self.found:
            raise Deleted(f"{self.name}: the token was deleted after it had been found")
        if not self.base:
            self.members = {"schema": "1", "user_name": self.user, **self.changes, "save": uuid.uuid4().hex}
            if not CREDENTIALS & self.members.keys():
                raise TokenError("there is no token to store")
            kind = {"oauth-token-store:kind": "token", "oauth-token-store:schema": "1"}
            own_tags = self.store.settings.get("Tags", [])
            self.request = {"Description": "OAuth token", **self.store.settings, "Name": self.name,
                            "ClientRequestToken": str(uuid.uuid4()), "SecretString": encode(self.members),
                            "Tags": own_tags + aws_tags(kind | tags(self.members))}
            return
        stored, client = self.base.members, self.changes.get("client_id")
        if client and stored.get("client_id", client) != client:
            raise TokenError(f"{self.name}: the record belongs to another OAuth client")
        # What a version on the way has already is not this save's to set once more in a later one.
        self.given = new_in(self.given, stored)
        self.access_token = self.access_token or stored.get("access_token")
        self.members = stored | self.given
        if self.access_token and self.members.get("access_token") != self.access_token:
            self.members["expiry_time"] = stored.get("expiry_time", "")  # that given is of another access token
        elif "access_token" in self.given and "expiry_time" not in self.given:
            self.members["expiry_time"] = ""  # that stored is of the old one
        if self.members.get("expiry_time") == "":
            del self.members["expiry_time"]
        if self.members != stored:
            self.members["save"] = uuid.uuid4().hex
            self.request = {"SecretId": self.base.arn, "ClientRequestToken": self.slot(self.base, refused),
                            "SecretString": encode(self.members)}

    def slot(self, base: Token, refused: Token | None) -> str:
        """The slot after the base, or the next free one if the base is current again because somebody moved it back."""
        slot, versions, page = slot_after(base.version), {}, {}
        if not refused or refused.version != base.version:
            return slot
        while not versions or page.get("NextToken"):
            more = {"NextToken": page["NextToken"]} if page else {}
            page = self.store.client.list_secret_version_ids(SecretId=base.arn, IncludeDeprecated=True, **more)
            versions |= {version["VersionId"]: version.get("VersionStages", []) for version in page["Versions"]}
        while slot in versions and "AWSCURRENT" in versions.get(base.version, []):
            slot = slot_after(slot)
        return slot

    def put(self) -> Token | None:
        errors = self.store.client.exceptions
        try:
            self.store.client.put_secret_value(**self.request)
            return Token(self.base.arn, self.request["ClientRequestToken"], self.members)
        except (errors.ResourceExistsException, errors.ResourceNotFoundException, errors.InvalidRequestException):
            self.request = None  # somebody else has written, or deleted
            return None

    def create(self) -> Token | None:
        store, errors, token = self.store, self.store.client.exceptions, self.request["ClientRequestToken"]
        try:
            return Token(store.client.create_secret(**self.request)["ARN"], token, self.members)
        except errors.ResourceExistsException:
            if own := store.read(self.name, VersionId=token):
                return own  # it had landed, and its answer was lost
            if store.find(self.user):
                self.request = None  # somebody else's login came first
            elif store.read(self.name):
                raise TokenError(f"{self.name}: the record of that name is not this user's")
        except errors.InvalidRequestException:
            secret = store.describe(self.name)
            if token in secret.get("VersionIdsToStages", {}):
                return Token(secret["ARN"], token, self.members)  # it had landed, and was deleted since
            if "DeletedDate" in secret:  # never restored: that would bring the old credential back
                store.delete_secret(secret["ARN"])
        return None

    def tag(self, saved: Token) -> None:
        """The fingerprints that have changed. The token is saved, whatever becomes of this."""
        changed = dict(tags(saved.members).items() - tags(self.base.members).items())
        try:
            if changed:
                self.store.client.tag_resource(SecretId=saved.arn, Tags=aws_tags(changed))
        except (BotoCoreError, ClientError):
            logging.warning("%s is saved, but its search tags are out of date", self.name)


def main(operation: str, user: str) -> None:
    """`find USER` prints what is stored; `save USER` reads the changes, a JSON object, from stdin; `delete USER`."""
    store = TokenStore(boto3.client("secretsmanager"), os.environ.get("OAUTH_TOKEN_STORE_PREFIX", "oauth-tokens"))
    if operation == "save":
        store.save(user, json.load(sys.stdin))
    elif operation == "delete":
        store.delete(user)
    elif operation != "find":
        sys.exit(main.__doc__)
    elif token := store.find(user):
        print(encode(token.members))
    else:
        sys.exit("there is no token of this user")


if __name__ == "__main__":
    main(*sys.argv[1:]) if len(sys.argv) == 3 else sys.exit(main.__doc__)

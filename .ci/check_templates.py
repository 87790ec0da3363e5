"""What cfn-lint cannot know of the templates and of the policies that they take from examples/iam."""

import json
import pathlib
import re
import sys

from cfnlint.api import ManualArgs, lint
from cfnlint.decode import decode

ROOT = pathlib.Path(__file__).resolve().parent.parent
POLICIES = ["writer-without-search", "key-for-writing"]
# What a template says, and what stands for it in the policies.
VALUES = {
    "AWS::Partition": "aws",
    "AWS::Region": "REGION",
    "AWS::AccountId": "ACCOUNT",
    "AWS::URLSuffix": "amazonaws.com",
    "Prefix": "PREFIX",
    "KmsKeyArn": "arn:aws:kms:REGION:ACCOUNT:key/KEY",
}


def resolved(node):
    """The node with its references replaced, as in a deployment with a key."""
    match node:
        case {"Ref": name}:
            return VALUES[name]
        case {"Fn::Sub": text}:
            return re.sub(r"\$\{([^}]+)\}", lambda reference: VALUES[reference[1]], text)
        case {"Fn::If": ["HasKey", then, {"Ref": "AWS::NoValue"}]}:
            return resolved(then)
        case dict():
            return {str(key): resolved(value) for key, value in node.items()}
        case list():
            return [resolved(value) for value in node]
        case _:
            return node


def granted_by(template):
    policies = template["Resources"]["Role"]["Properties"]["Policies"]
    documents = [policy["PolicyDocument"] for policy in policies if policy["PolicyName"] == "tokens"]
    assert len(documents) == 1, "one policy is about the tokens"
    return resolved(documents[0])


def expected():
    documents = [json.loads((ROOT / f"examples/iam/{name}.json").read_text()) for name in POLICIES]
    statements = [statement for document in documents for statement in document["Statement"]]
    return {"Version": documents[0]["Version"], "Statement": statements}


def variables_in(node):
    """The names of environment variables: keys of `Variables`, or `Name` of what is in `Environment` or `Secrets`."""
    match node:
        case {"Variables": dict(variables)}:
            yield from variables
        case {"Name": str(name), **rest} if rest.keys() & {"Value", "ValueFrom"}:
            yield name
        case dict():
            for value in node.values():
                yield from variables_in(value)
        case list():
            for value in node:
                yield from variables_in(value)


def variables_read_by(source):
    return set(re.findall(r'"([A-Z][A-Z_]+)"', source.read_text()))


def complaints_about(path):
    template, errors = decode(str(path))
    assert template is not None, errors
    granted = granted_by(template)
    if granted != expected():
        yield f"the role's policy is not that of {' and '.join(POLICIES)}: {json.dumps(granted, indent=2)}"
    names = set(variables_in(template["Resources"]))
    assert "OAUTH_TOKEN_STORE_PREFIX" in names, "the variables were not found"
    known = variables_read_by(ROOT / "src/secrets_manager/environment.rs")
    known |= variables_read_by(path.parent / "src/settings.rs")
    for name in sorted(names - known):
        yield f"the program does not know the variable {name}"


def complaints_about_policies():
    """cfn-lint knows which actions there are, if a policy stands in a template."""
    for path in sorted((ROOT / "examples/iam").glob("*.json")):
        filled_in = path.read_text().replace("REGION", "eu-central-1").replace("ACCOUNT", "123456789012")
        properties = {"PolicyDocument": json.loads(filled_in)}
        policy = {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}
        template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Policy": policy}}
        for match in lint(json.dumps(template), config=ManualArgs(regions=["eu-central-1"])):
            yield f"{path.name}: {match}"


templates = sorted(ROOT.glob("examples/*/template.yaml"))
assert templates, "no templates"
complaints = [f"{path.parent.name}: {complaint}" for path in templates for complaint in complaints_about(path)]
complaints.extend(complaints_about_policies())
if complaints:
    sys.exit("\n".join(complaints))
print(f"{len(templates)} templates have the policies of examples/iam, and variables that their programs know")

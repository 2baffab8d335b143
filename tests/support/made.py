"""What CloudFormation makes of the transformed template with given parameters, worked out without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sundial_local.intrinsics import Scope, TemplateError, holds, resolve

Template = dict[str, Any]

ZONE = {"HostedZoneId": "Z0123456789ABCDEFGHIJ"}
CERTIFICATE = {"CertificateArn": "arn:aws:acm:eu-central-1:111122223333:certificate/" + "1" * 36}
CLOUDFRONT = {"CloudFrontCertificateArn": "arn:aws:acm:us-east-1:111122223333:certificate/" + "2" * 36}
WAF = {"WebAclArn": "arn:aws:wafv2:us-east-1:111122223333:global/webacl/sundial/" + "3" * 36}
TABLE_KEY = "arn:aws:kms:eu-central-1:111122223333:key/" + "4" * 36


class Made:
    """What CloudFormation makes of the template with `parameters`; Ref and GetAtt of anything else are errors."""

    def __init__(self, template: Template, **parameters: str) -> None:
        defaults = {name: str(one["Default"]) for name, one in template["Parameters"].items() if "Default" in one}
        pseudo = {
            "AWS::Region": "eu-central-1",
            "AWS::AccountId": "111122223333",
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": "sundial",
        }
        self.scope = Scope(
            parameters=defaults | pseudo | {"Issuer": "https://login.example.com"} | parameters,
            conditions=template["Conditions"],
            reference=self._named,
            attribute=lambda name, attribute: f"{self._named(name)}.{attribute}",
        )
        self.names = {name for name, one in template["Resources"].items() if self._made(one)}
        self.resources = {name: resolve(template["Resources"][name], self.scope) for name in self.names}
        self.outputs = {
            name: resolve(one["Value"], self.scope) for name, one in template["Outputs"].items() if self._made(one)
        }

    def _made(self, one: Mapping[str, Any]) -> bool:
        return "Condition" not in one or holds(one["Condition"], self.scope)

    def _named(self, name: str) -> str:
        if name not in self.names:
            raise TemplateError(f"{name} is not made")
        return f"<{name}>"

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        properties: Mapping[str, Any] = self.resources[name]["Properties"]
        return properties

    def distribution(self) -> Mapping[str, Any]:
        """Return CloudFront's configuration."""
        configuration: Mapping[str, Any] = self["Distribution"]["DistributionConfig"]
        return configuration

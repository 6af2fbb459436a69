"""Readers of SDK wheels, by the key of `corpus.sources` that caps them."""

from __future__ import annotations

from corpus.read_azure_cli import AzureCliReader
from corpus.read_msgraph import MsGraphReader
from corpus.read_oci import OciReader
from corpus.read_sdk import SdkReader
from corpus.read_tencentcloud import TencentCloudReader

SDKS: dict[str, type[SdkReader]] = {
    "oci_apis": OciReader,
    "tencentcloud_apis": TencentCloudReader,
    "msgraph_apis": MsGraphReader,
    "azure_cli_apis": AzureCliReader,
}

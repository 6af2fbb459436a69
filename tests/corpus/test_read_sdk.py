"""Readers of SDK wheels on small wheels made here."""

# ruff: noqa: E501 - the sources below are laid out as their generators do it

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from corpus.docstring_fields import fields_of
from corpus.read_msgraph import MsGraphReader
from corpus.read_oci import OciReader
from corpus.read_tencentcloud import TencentCloudReader
from corpus.sdk_schemas import Member, Model, SdkSchemas
from corpus.sdk_wheels import function_sources, parsed_function

OCI_CLIENT = '''# API Version: 20200101
class BoxClient(object):
    def __init__(self, config, **kwargs):
        """Makes a client."""

    def put_box(self, shelf_name, put_box_details, **kwargs):
        """
        Puts a box on a shelf, see `Shelves`__.

        __ https://docs.example/shelves

        :param str shelf_name: (required)
            The name of the shelf.

        :param oci.box.models.PutBoxDetails put_box_details: (required)
            The box that is put.

        :param str sort: (optional)
            The order of the boxes.

            Allowed values are: "UP", "DOWN"

        :param obj retry_strategy: (optional)
            A strategy of the library.

        :return: A :class:`~oci.response.Response` object with data of type :class:`~oci.box.models.Box`
        :rtype: :class:`~oci.response.Response`
        """
        api_reference_link = "https://docs.example/box/PutBox"
        return self.base_client.call_api("put_box")

    def drop_box(self, shelf_name, **kwargs):
        """
        **Deprecated** Drops a box.

        :param str shelf_name: (required)
            The name of the shelf.
        """

    def broken(self, shelf_name, **kwargs:
        """
        Does not parse at all.
        """
'''
OCI_MODEL = '''
class {name}(object):
    def __init__(self, **kwargs):
        """
        Initializes a new {name} object.
        """
        self.swagger_types = {{'label': 'str', 'colours': 'list[str]', 'inside': 'list[{name}]', 'tags': 'dict(str, str)'}}

    @property
    def label(self):
        """
        **[Required]** Gets the label of this {name}.
        What is written on it.

        :return: The label of this {name}.
        :rtype: str
        """
        return self._label

    @label.setter
    def label(self, label):
        """
        Sets the label of this {name}.
        """
        self._label = label

    @property
    def colours(self):
        """
        Gets the colours of this {name}.
        Allowed values for items in this list are: "RED", "BLUE", 'UNKNOWN_ENUM_VALUE'.
        """
        return self._colours
'''
TENCENT_CLIENT = '''class BoxClient(AbstractClient):
    def {name}(self, request):
        r"""This API is used to {words}.

        :param request: Request instance.
        :type request: :class:`tencentcloud.box.v20200101.models.PutBoxRequest`
        :rtype: :class:`tencentcloud.box.v20200101.models.PutBoxResponse`

        """
        return self.call("{name}")

    def ListBoxes(self, request):
        r"""This API is used to list all boxes.

        :type request: :class:`tencentcloud.box.v20200101.models.ListBoxesRequest`
        """
'''
TENCENT_MODELS = '''class Box(AbstractModel):
    r"""A box."""

    def __init__(self):
        r"""
        :param _Label: What is <b>written</b> on it.
        :type Label: str
        :param _Inside: Boxes inside.
        :type Inside: list of Box
        """
        self._Label = None

    @property
    def Label(self):
        return self._Label


class PutBoxRequest(AbstractModel):
    def __init__(self):
        r"""
        :param _Box: The box.
        :type Box: :class:`tencentcloud.box.v20200101.models.Box`
        :param _Size: Its size.
        :type Size: int
        """


class ListBoxesRequest(AbstractModel):
    r"""Nothing."""


class PutBoxResponse(AbstractModel):
    def __init__(self):
        r"""
        :param _Count: How many there are.
        :type Count: int
        :param _RequestId: The request.
        :type RequestId: str
        """
'''
GRAPH_BUILDER = '''from __future__ import annotations
if TYPE_CHECKING:
    from ...models.box import Box

class BoxesRequestBuilder(BaseRequestBuilder):
    """
    Manages boxes.
    """
    def __init__(self,request_adapter: RequestAdapter, path_parameters: Union[str, dict[str, Any]]) -> None:
        """
        Makes a builder.
        """
        super().__init__(request_adapter, "{+baseurl}/shelves/{shelf%2Did}/boxes{?%24top}", path_parameters)

    def by_shelf_id(self,shelf_id: str) -> ItemRequestBuilder:
        """
        Goes on.
        param shelf_id: The unique identifier of shelf
        Returns: ItemRequestBuilder
        """

    async def get(self,request_configuration: Optional[RequestConfiguration[QueryParameters]] = None) -> Optional[Box]:
        """
        The boxes on a shelf. Find more info here: https://learn.example/boxes
        param request_configuration: Configuration for the request.
        Returns: Optional[Box]
        """
        return None

    async def post(self,body: Box, request_configuration: Optional[RequestConfiguration[QueryParameters]] = None) -> None:
        """
        Puts a box there.
        param body: The request body
        Returns: None
        """

    @dataclass
    class BoxesRequestBuilderGetQueryParameters():
        """
        The boxes on a shelf.
        """
        def get_query_parameter(self,original_name: str) -> str:
            """
            Maps the names.
            """
            if original_name == "top":
                return "%24top"
            return original_name

        # Show only the first n items
        top: Optional[int] = None

    @dataclass
    class Other():
        """
        Nothing.
        """
'''
GRAPH_MODELS = {
    "entity": "@dataclass\nclass Entity(Parsable):\n    # The id.\n    id: Optional[str] = None\n\n    @staticmethod\n    def f(): ...\n",
    "colour": 'from enum import Enum\n\nclass Colour(str, Enum):\n    Red = "red",\n    Blue = "blue",\n',
    "box": """from .entity import Entity
from .colour import Colour
from .box import Box

@dataclass
class Box(Entity, Parsable):
    # The OdataType property
    odata_type: Optional[str] = None
    # What is written on it.
    label_: Optional[str] = None
    # The colour. Read-only.
    colour: Optional[Colour] = None
    # The paint property
    paint: Optional[list[Colour]] = None
    inside: Optional[list[Box]] = None

    @staticmethod
    def create() -> Box:
        return Box()
""",
}


def wheel(tmp_path: Path, files: dict[str, str | bytes]) -> Path:
    file = tmp_path / "made-1.5-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return file


def read(cls: Any, tmp_path: Path, files: dict[str, str | bytes]) -> tuple[dict[str, Any], dict[str, int]]:
    block = pickle.loads(pickle.dumps(cls(wheel(tmp_path, files), tmp_path / "work", None, 1)))
    apis = {api.name: api for api in block.apis()}
    for api in apis.values():
        Draft202012Validator.check_schema(api.parameters)
        Draft202012Validator.check_schema(api.returns)
    return apis, {reason: found["count"] for reason, found in block.dropped.items()}


def test_oci_operations(tmp_path: Path) -> None:
    models = "from .put_box_details import PutBoxDetails\nfrom .box import Box\n"
    apis, drops = read(
        OciReader, tmp_path,
        {
            "oci/box/box_client.py": OCI_CLIENT,
            "oci/latin/latin_client.py": b"# \xe9",
            "oci/box/models/__init__.py": models,
            "oci/box/models/put_box_details.py": OCI_MODEL.format(name="PutBoxDetails"),
            "oci/box/models/box.py": OCI_MODEL.format(name="Box"),
        },
    )  # fmt: skip
    assert drops == {"bad_encoding": 1, "deprecated": 1, "malformed_operation": 1}
    api = apis["box.put_box"]
    assert api.description == "Puts a box on a shelf, see `Shelves`." and api.version == "20200101"
    assert api.url == "https://docs.example/box/PutBox" and api.id == "oci/box/box.put_box"
    assert api.parameters["required"] == ["shelf_name", "put_box_details"]
    assert api.parameters["properties"]["sort"] == {
        "type": "string", "enum": ["UP", "DOWN"], "description": "The order of the boxes."
    }  # fmt: skip
    details = api.parameters["properties"]["put_box_details"]
    assert details["required"] == ["label"] and "retry_strategy" not in api.parameters["properties"]
    assert details["properties"]["label"] == {"type": "string", "description": "What is written on it."}
    assert details["properties"]["colours"]["items"] == {"type": "string", "enum": ["RED", "BLUE"]}
    assert details["properties"]["inside"] == {"type": "array", "items": {"type": "object"}}, "the cycle ends"
    assert details["properties"]["tags"]["additionalProperties"] == {"type": "string"}
    assert "label" in api.returns["properties"]


def test_tencentcloud_collapses_versions(tmp_path: Path) -> None:
    old = TENCENT_CLIENT.format(name="PutBox", words="put an old box") + TENCENT_CLIENT.format(
        name="Turn", words="turn it"
    )
    apis, drops = read(
        TencentCloudReader, tmp_path,
        {
            "tencentcloud/box/v20200101/box_client.py": TENCENT_CLIENT.format(name="PutBox", words="put a new box"),
            "tencentcloud/box/v20200101/models.py": TENCENT_MODELS,
            "tencentcloud/box/v20190101/box_client.py": old,
            "tencentcloud/box/v20190101/models.py": TENCENT_MODELS,
            "tencentcloud/box/v20190101/box_client_async.py": old,
        },
    )  # fmt: skip
    assert drops == {"no_parameters": 1} and set(apis) == {"box.put_box", "box.turn"}
    api = apis["box.put_box"]
    assert api.version == "2020-01-01" and apis["box.turn"].version == "2019-01-01"
    assert api.description == "This API is used to put a new box."
    box = api.parameters["properties"]["Box"]
    assert box["properties"]["Label"] == {"type": "string", "description": "What is written on it."}
    assert box["properties"]["Inside"]["items"] == {"type": "object"}
    assert list(api.returns["properties"]) == ["Count"]


def test_msgraph_paths(tmp_path: Path) -> None:
    root = "msgraph/generated/"
    models: dict[str, str | bytes] = {f"{root}models/{name}.py": text for name, text in GRAPH_MODELS.items()}
    builder = GRAPH_BUILDER
    apis, drops = read(MsGraphReader, tmp_path, {**models, f"{root}shelves/boxes/boxes_request_builder.py": builder})
    assert drops == {} and set(apis) == {"shelves.item.boxes.get", "shelves.item.boxes.post"}
    get, post = apis["shelves.item.boxes.get"], apis["shelves.item.boxes.post"]
    assert get.description == "The boxes on a shelf." and get.url == "https://learn.example/boxes"
    assert get.parameters["properties"]["$top"] == {"type": "integer", "description": "Show only the first n items"}
    assert get.parameters["properties"]["shelf_id"]["description"] == "The unique identifier of shelf"
    assert list(get.returns["properties"]) == ["id", "label", "colour", "paint", "inside"]
    assert list(post.parameters["properties"]) == ["id", "label", "paint", "inside", "shelf_id"]
    assert post.parameters["properties"]["paint"]["items"] == {"type": "string", "enum": ["red", "blue"]}
    assert post.parameters["properties"]["inside"]["items"] == {"type": "object"} and post.returns == {}
    assert post.parameters["required"] == ["shelf_id"]


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        ("Optional[List[StrictStr]]", {"type": "array", "items": {"type": "string"}}),
        ("None | int", {"type": "integer"}),
        ("dict(str, dict(str, object))", {"type": "object", "additionalProperties": {"type": "object"}}),
        ("list of list of int", {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}),
        ("Literal['a', 'b']", {"type": "string", "enum": ["a", "b"]}),
        ("datetime.datetime", {"type": "string", "format": "date-time"}),
        ("[int], none_type", {"type": "array", "items": {"type": "integer"}}),
        ("Annotated[Optional[bool], Field(x=1)]", {"type": "boolean"}),
        (":class:`~a.b.Kind`", {"type": "string", "enum": ["x"]}),
        ("no type at all", {}),
    ],
)
def test_type_expressions(text: str, schema: dict[str, Any]) -> None:
    find = {"Kind": Model(choices=("x",))}.get
    assert SdkSchemas(find).of_type(text, 3) == schema


def test_wide_recursion_is_bounded() -> None:
    names = [f"S{n}" for n in range(30)]
    model = Model({name: Member(name) for name in names})
    assert len(str(SdkSchemas(lambda name: model if name in names else None).of_type("S0", 30))) < 100_000


def test_fields_and_function_heads() -> None:
    fields = fields_of(
        "Does it.\n\n:param int a: one\n    more\n:param b: two\n:type b: str\n:returns: it\n:rtype: bool"
    )
    assert fields.text == "Does it." and fields.descriptions == {"a": "one\n    more", "b": "two"}
    assert fields.types == {"a": "int", "b": "str"} and (fields.returns, fields.return_type) == ("it", "bool")
    source = (
        'class A:\n    def f(self, a=(1, 2)) -> "x":\n        """Text."""\n        return (\n\n    def g(self): ...\n'
    )
    found = function_sources(source)
    assert parsed_function(found["f"]).name == "f", "what comes after the docstring is not parsed"
    with pytest.raises(ValueError, match="not_python"):
        parsed_function(found["f"], whole=True)


def test_a_damaged_wheel_is_counted(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"oci/box/box_client.py": OCI_CLIENT}
    file = wheel(tmp_path, files)
    content = file.read_bytes()
    place = content.index(b"Puts a box")
    file.write_bytes(content[:place] + b"xxxx" + content[place + 4 :])
    block = OciReader(file, tmp_path / "work", None, 1)
    assert list(block.apis()) == [] and block.dropped["corrupt_file"]["count"] == 1

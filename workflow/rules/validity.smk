"""Is the honest number right? Studies of simulated subjects or real patients, and the truth: `snakemake validity`."""


include: "../inputs/validity.smk"


wildcard_constraints:
    setting=one_of(VALIDITY.designs),
    pool=one_of(setting.pool for setting in VALIDITY.settings.values()),


rule draw_pool:
    """Many simulated subjects, described once: the population that studies are drawn from."""
    output:
        images="results/validity/pools/{pool}.csv",
        features="results/validity/pools/{pool}.h5",
    log:
        "logs/draw_pool/{pool}.txt",
    benchmark:
        "results/benchmarks/draw_pool/{pool}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        code=code_digest("validity draw"),
        spec=lambda w: digest(
            VALIDITY.model_dump(
                mode="json",
                include={"look", "seed", "images", "descriptor", "split"},
            ),
            VALIDITY.pool[RUN.budget],
        ),
        file=VALIDITY_FILE,
        setting=setting_of_pool,
        budget=RUN.budget,
    message:
        "Simulating the population {wildcards.pool}"
    shell:
        r"""
        leukorepro validity draw \
            --config {params.file:q} \
            --setting {params.setting:q} \
            --budget {params.budget:q} \
            --threads {threads} \
            --images {output.images:q} \
            --features {output.features:q} \
            >{log:q} 2>&1
        """


rule repeat_study:
    """Samples of a population, studied on every rung; what was fitted is scored on fresh subjects."""
    input:
        unpack(population_of),
    output:
        repetitions="results/validity/{setting}.csv",
    log:
        "logs/repeat_study/{setting}.txt",
    benchmark:
        "results/benchmarks/repeat_study/{setting}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        code=code_digest("validity repeat"),
        spec=lambda w: digest(
            VALIDITY.designs[w.setting],
            VALIDITY.repetitions[RUN.budget],
        ),
        file=VALIDITY_FILE,
        budget=RUN.budget,
    message:
        "Repeating studies: {wildcards.setting}"
    shell:
        r"""
        leukorepro validity repeat \
            --config {params.file:q} \
            --setting {wildcards.setting:q} \
            --budget {params.budget:q} \
            --images {input.images:q} \
            --features {input.features:q} \
            --output {output.repetitions:q} \
            >{log:q} 2>&1
        """


rule summarise_studies:
    """Comparing every rung with the truth in every setting, as a table and a figure."""
    input:
        repetitions=expand(
            rules.repeat_study.output.repetitions, setting=VALIDITY.designs
        ),
    output:
        summary="results/validity/summary.csv",
        figure="results/validity/validity.svg",
    log:
        "logs/summarise_studies.txt",
    benchmark:
        "results/benchmarks/summarise_studies.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        code=code_digest("validity summarise"),
    message:
        "Comparing every rung with the truth"
    shell:
        r"""
        leukorepro validity summarise \
            {input.repetitions:q} \
            --output {output.summary:q} \
            --figure {output.figure:q} \
            >{log:q} 2>&1
        """

"""Deep features: one file per dataset and extractor, shared by all runs, and their fusion."""


include: "../inputs/features.smk"


checkpoint get_weights:
    """A network's pretrained weights: looked up, else downloaded, and what came of it."""
    input:
        own=own_weights_of,
    output:
        record="results/weights/{weights}.json",
    log:
        "logs/get_weights/{weights}.txt",
    benchmark:
        "results/benchmarks/get_weights/{weights}.tsv"
    # First, so that what cannot run is known early.
    priority: FIRST
    # Where there is a cluster, on the machine that Snakemake runs on: its nodes have no network, as a rule.
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        code=code_digest("features weights"),
        backbone=lambda w: WEIGHTS[w.weights],
    message:
        "Weights of {wildcards.weights}"
    shell:
        r"""
        leukorepro features weights \
            --backbone {params.backbone:q} \
            --output {output.record:q} \
            >{log:q} 2>&1
        """


rule extract_features:
    """Deep features of every view of a dataset's images, by one extractor."""
    input:
        manifest="results/datasets/{dataset}/manifest.csv",
        waits=splits_first,
        weights=weights_of_extractor,
    output:
        features="results/features/{dataset}/{extractor}.h5",
    log:
        "logs/extract_features/{dataset}/{extractor}.txt",
    benchmark:
        "results/benchmarks/extract_features/{dataset}/{extractor}.tsv"
    priority: WIDE
    conda:
        ENVIRONMENT
    # A demonstration's few images take less time than building the network, which one thread does: side by side then.
    threads: 8 if RUN.budget == "published" else 1
    resources:
        gpu=1,
        mem_mb=memory,
        runtime=minutes,
    params:
        code=code_digest("features extract"),
        folder=lambda w: dataset_of(w).images,
        backbone=lambda w: extractor_of(w).backbone,
        layer=lambda w: extractor_of(w).layer,
        weights=lambda w: extractor_of(w).weights,
        input_size=lambda w: extractor_of(w).input_size,
        preprocessing=lambda w: flags(
            "--preprocessing", filter(None, [extractor_of(w).preprocessing])
        ),
        normalise=lambda w: flags(
            "--normalise", filter(None, [extractor_of(w).normalise])
        ),
        engine=RUN.engine,
        precision=RUN.precision,
        views=lambda w: flags("--view", plan.views_of(RUN, w.dataset, w.extractor)),
        max_pixels=lambda w: dataset_of(w).dataset.max_pixels,
        # 0 but of random weights: what does not follow it is not made again by another one.
        seed=lambda w: extractor_of(w).seed,
    message:
        "Features of {wildcards.dataset} by {wildcards.extractor}"
    shell:
        r"""
        leukorepro features extract \
            --manifest {input.manifest:q} \
            --images {params.folder:q} \
            --dataset {wildcards.dataset:q} \
            --backbone {params.backbone:q} \
            --layer {params.layer:q} \
            --weights {params.weights:q} \
            --input-size {params.input_size:q} \
            {params.preprocessing:q} \
            {params.normalise:q} \
            --engine {params.engine:q} \
            --precision {params.precision:q} \
            {params.views:q} \
            --max-pixels {params.max_pixels:q} \
            --seed {params.seed:q} \
            --threads {threads} \
            --output {output.features:q} \
            >{log:q} 2>&1
        """


rule describe_images:
    """Features of every view of a dataset's images that need no network: pixels, colours, the cell's area."""
    input:
        manifest="results/datasets/{dataset}/manifest.csv",
        waits=splits_first,
    output:
        features="results/features/{dataset}/{descriptor}.h5",
    log:
        "logs/describe_images/{dataset}/{descriptor}.txt",
    benchmark:
        "results/benchmarks/describe_images/{dataset}/{descriptor}.tsv"
    priority: WIDE
    group:
        together("descriptions")
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        code=code_digest("features describe"),
        folder=lambda w: dataset_of(w).images,
        descriptor=lambda w: descriptor_of(w).descriptor,
        input_size=lambda w: descriptor_of(w).input_size,
        interpolation=lambda w: descriptor_of(w).interpolation,
        normalise=lambda w: flags(
            "--normalise", filter(None, [descriptor_of(w).normalise])
        ),
        views=lambda w: flags("--view", plan.views_of(RUN, w.dataset, w.descriptor)),
        max_pixels=lambda w: dataset_of(w).dataset.max_pixels,
    message:
        "Features of {wildcards.dataset} without a network: {wildcards.descriptor}"
    shell:
        r"""
        leukorepro features describe \
            --manifest {input.manifest:q} \
            --images {params.folder:q} \
            --dataset {wildcards.dataset:q} \
            --descriptor {params.descriptor:q} \
            --input-size {params.input_size:q} \
            --interpolation {params.interpolation:q} \
            {params.normalise:q} \
            {params.views:q} \
            --max-pixels {params.max_pixels:q} \
            --threads {threads} \
            --output {output.features:q} \
            >{log:q} 2>&1
        """


ruleorder: join_features > extract_features
ruleorder: join_features > describe_images


rule join_features:
    """Features of two datasets, by the same extractor or descriptor, as those of one."""
    input:
        manifest="results/datasets/{joined}/manifest.csv",
        parts=both_features_of,
    output:
        features="results/features/{joined}/{part}.h5",
    log:
        "logs/join_features/{joined}/{part}.txt",
    benchmark:
        "results/benchmarks/join_features/{joined}/{part}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        code=code_digest("features join"),
        second=lambda w: DATASETS[w.joined].parts[1].id,
        views=lambda w: flags("--view", plan.views_of(RUN, w.joined, w.part)),
    message:
        "Features of {wildcards.joined} by {wildcards.part}"
    shell:
        r"""
        leukorepro features join \
            {input.parts:q} \
            --manifest {input.manifest:q} \
            --dataset {wildcards.joined:q} \
            --second {params.second:q} \
            {params.views:q} \
            --output {output.features:q} \
            >{log:q} 2>&1
        """


rule fuse_features:
    """Features of several extractors and descriptors side by side, without a copy."""
    input:
        parts=lambda w: expand(
            "results/features/{{dataset}}/{part}.h5",
            part=w.fused.split("+"),
        ),
    output:
        features="results/features/{dataset}/fused/{fused}.h5",
    log:
        "logs/fuse_features/{dataset}/{fused}.txt",
    benchmark:
        "results/benchmarks/fuse_features/{dataset}/{fused}.tsv"
    # Nothing is copied: not worth a place in a cluster's queue.
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory,
        runtime=minutes,
    params:
        code=code_digest("features fuse"),
    message:
        "Joining features of {wildcards.dataset}"
    shell:
        r"""
        leukorepro features fuse \
            {input.parts:q} \
            --output {output.features:q} \
            >{log:q} 2>&1
        """

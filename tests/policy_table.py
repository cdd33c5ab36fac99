"""What must become of each allele of data/policy.vcf on data/policy.fa, by hand.

The contigs and the places that matter, 1-based (chr1 has 600 bases, 2 and MT have 400):

    chr1:1    A C A C A C G T T G       2:1   G A T T A C A G A T
    chr1:101  G A A A A A C T G T       MT:1  G A T C A C A G G T
    chr1:151  T G C A T G C C T A
    chr1:201  T C A G C A G C A G C A G T
    chr1:301  N N N N A C G T C C
    chr1:401  a c g t t g c a a c       in lower case
    chr1:450  A R C
    chr1:591  G A T T A C A G T C       the contig's end
"""

POLICY: list[tuple[str, int, str, str]] = [
    # ID of the record, number of the ALT, status, key
    #
    # Substitutions. The shared G behind and then the shared A in front go: T>C at 154 + 1.
    ("snv", 1, "scored", "chr1:155:T:C"),
    ("snv_padded", 1, "scored", "chr1:155:T:C"),
    ("snv_no_chr", 1, "scored", "1:155:T:C"),  # the record's own name of the contig
    ("snv", 1, "scored", "chr1:155:T:C"),  # a duplicate, in lower case
    ("mnv", 1, "scored", "chr1:153:CAT:GGA"),
    ("mnv_padded", 1, "scored", "chr1:153:CAT:TAC"),  # GCATG>GTACG: G behind, G in front
    ("multiallelic", 1, "scored", "chr1:156:G:A"),
    ("multiallelic", 2, "scored", "chr1:156:G:T"),
    ("multiallelic", 3, "scored", "chr1:156:G:GCC"),  # G is not C: no shift
    # One A of 102-106 less, one more: both can be shifted to the G at 101.
    ("homopolymer_del", 1, "scored", "chr1:101:GA:G"),
    ("homopolymer_del_left", 1, "scored", "chr1:101:GA:G"),
    ("homopolymer_del_long", 1, "scored", "chr1:101:GA:G"),
    ("homopolymer_ins", 1, "scored", "chr1:101:G:GA"),
    ("homopolymer_ins_right", 1, "scored", "chr1:101:G:GA"),
    # One CAG of the four at 202-213 less, whichever; GCA after 209 makes a fifth CAG.
    ("repeat_del_right", 1, "scored", "chr1:201:TCAG:T"),
    ("repeat_del_middle", 1, "scored", "chr1:201:TCAG:T"),
    ("repeat_ins_middle", 1, "scored", "chr1:201:T:TCAG"),
    # TGCC>TTTAC: C behind, T in front, GC>TTA at 155 + 1. CC>CTC: C behind, C>CT at 157.
    ("delins", 1, "scored", "chr1:156:GC:TTA"),
    ("delins_padded", 1, "scored", "chr1:156:GC:TTA"),
    ("insertion_as_delins", 1, "scored", "chr1:157:C:CT"),
    # At the contig's start there is no base before: the one after is the anchor. AC at 5-6
    # less leaves the same as AC at 1-2 less: ACACGTTG.
    ("start_del", 1, "scored", "chr1:1:ACA:A"),
    ("start_del_right", 1, "scored", "chr1:1:ACA:A"),
    ("start_ins", 1, "scored", "chr1:1:A:TTA"),
    ("start_snv", 1, "scored", "chr1:1:A:G"),
    # chr1 ends with its base 600. CA at 600 would end with 601; 0 is a telomere to VCF.
    ("end_snv", 1, "scored", "chr1:600:C:A"),
    ("end_ins", 1, "scored", "chr1:600:C:CGG"),
    ("end_del", 1, "scored", "chr1:598:GTC:G"),
    ("beyond_end", 1, "outside_contig", "chr1:600:CA:C"),
    ("after_end", 1, "outside_contig", "chr1:601:A:C"),
    ("before_start", 1, "outside_contig", "chr1:0:A:C"),
    # No allele holds the N at 304, so that the A at 305 is anchored on the C behind it.
    ("del_next_to_n", 1, "scored", "chr1:305:AC:C"),
    ("n_anchor", 1, "ambiguous_allele", "chr1:304:NA:N"),
    ("n_in_genome", 1, "ref_mismatch", "chr1:304:A:C"),
    ("iupac_in_genome", 1, "scored", "chr1:451:A:G"),  # R is A or G, which VCF writes as A
    ("after_iupac", 1, "scored", "chr1:452:C:T"),
    ("lower_genome", 1, "scored", "chr1:401:A:T"),
    ("lower_del", 1, "scored", "chr1:402:CG:C"),
    ("mismatch", 1, "ref_mismatch", "chr1:155:A:C"),
    ("mismatch_in_anchor", 1, "ref_mismatch", "chr1:154:GTG:GCG"),  # the whole REF counts
    # The letters alone decide.
    ("deletion_tag", 1, "symbolic_allele", "chr1:160:A:<DEL>"),
    ("any_tag", 1, "symbolic_allele", "chr1:160:A:<*>"),
    ("breakend", 1, "symbolic_allele", "chr1:160:A:A[2:50["),
    ("single_breakend", 1, "symbolic_allele", "chr1:160:A:A."),
    ("star", 1, "spanning_deletion", "chr1:160:A:*"),
    ("no_alt", 1, "missing_alt", "chr1:160:A:."),
    ("alt_n", 1, "ambiguous_allele", "chr1:160:A:N"),
    ("ref_r", 1, "ambiguous_allele", "chr1:451:R:A"),  # even where the genome has an R too
    ("same", 1, "no_change", "chr1:160:A:A"),
    ("same_lower", 1, "no_change", "chr1:160:A:a"),
    ("mixed", 1, "scored", "chr1:160:A:C"),
    ("mixed", 2, "spanning_deletion", "chr1:160:A:*"),
    ("mixed", 3, "symbolic_allele", "chr1:160:A:<DEL>"),
    ("mixed", 4, "ambiguous_allele", "chr1:160:A:AR"),
    # Letters of ALT: 1 + 1,000; 1 + 999, the default's limit; 6 + 996, of which trimming
    # takes the TGCCT of 155-159 and leaves 1 + 996.
    ("too_long", 1, "too_long", "chr1:160:A:A" + 500 * "CT"),
    ("longest", 1, "scored", "chr1:160:A:A" + 499 * "CT" + "C"),
    ("longest_padded", 1, "scored", "chr1:160:A:A" + 498 * "CT"),
    # Names: the genome has chr1, 2 and MT.
    ("chr_for_none", 1, "scored", "chr2:5:A:T"),
    ("none", 1, "scored", "2:5:A:T"),
    ("m", 1, "scored", "M:3:T:C"),
    ("chr_m", 1, "scored", "chrM:3:T:C"),
    ("mt", 1, "scored", "MT:3:T:C"),
    ("chr_mt", 1, "scored", "chrMT:3:T:C"),
    ("unknown", 1, "unknown_contig", "chr3:10:A:C"),
    # Letters come before the contig, the contig before the position, that before the bases.
    ("unknown_star", 1, "spanning_deletion", "chr3:10:A:*"),
    ("outside_no_alt", 1, "missing_alt", "chr1:9999:A:."),
]

SAME_VARIANT: list[set[str]] = [
    # IDs whose first ALTs are one variant, and get one score
    {"snv", "snv_padded", "snv_no_chr"},
    {"homopolymer_del", "homopolymer_del_left", "homopolymer_del_long"},
    {"homopolymer_ins", "homopolymer_ins_right"},
    {"repeat_del_right", "repeat_del_middle"},
    {"delins", "delins_padded"},
    {"start_del", "start_del_right"},
    {"chr_for_none", "none"},
    {"m", "chr_m", "mt", "chr_mt"},
]

# What the genome has in place of REFs that mismatch, in the order above.
REASONS = {
    "n_in_genome": "masked",
    "mismatch": "complement",  # A, of the T at 155
    "mismatch_in_anchor": "other",  # GTG, of ATG
}

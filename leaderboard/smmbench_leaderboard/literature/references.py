"""Full references of the works that cards, metrics and trackers cite in short form.

A work is found by its arXiv number or by a unique word, such as `DiTFlow`. Each entry was compared
with its authors' repositories or with the reference lists of other papers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

CVPR = "IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)"
ICCV = "IEEE/CVF International Conference on Computer Vision (ICCV)"
ECCV = "European Conference on Computer Vision (ECCV)"
ICLR = "International Conference on Learning Representations (ICLR)"
ICML = "International Conference on Machine Learning (ICML)"
NEURIPS = "Advances in Neural Information Processing Systems (NeurIPS)"
TMLR = "Transactions on Machine Learning Research"


@dataclass(frozen=True)
class Work:
    """A publication.

    Attributes:
        key: Key of its BibTeX entry.
        title: Full title.
        author: All authors, in BibTeX's form.
        year: Year of the venue, or else of the preprint.
        venue: Conference or journal; empty for a preprint.
        arxiv: Number of the preprint; empty if there is none.
        names: Words that identify this work in a reference.
        kind: Kind of the BibTeX entry.
    """

    key: str
    title: str
    author: str
    year: str
    venue: str = ""
    arxiv: str = ""
    names: tuple[str, ...] = ()
    kind: str = "inproceedings"

    @property
    def facts(self) -> dict[str, str]:
        """The fields of its BibTeX entry."""
        kind, venue = self.kind, self.venue
        place = {"inproceedings": "booktitle", "article": "journal", "techreport": "institution"}
        preprint = {"eprint": self.arxiv, "archiveprefix": "arXiv"} if self.arxiv else {}
        url = f"https://arxiv.org/abs/{self.arxiv}" if self.arxiv else ""
        facts = {"title": self.title, "author": self.author, "year": self.year}
        return facts | ({place[kind]: venue} if venue else {}) | preprint | {"url": url}


WORKS = (
    Work(
        "yatim2024space",
        "Space-Time Diffusion Features for Zero-Shot Text-Driven Motion Transfer",
        "Yatim, Danah and Fridman, Rafail and Bar-Tal, Omer and Kasten, Yoni and Dekel, Tali",
        "2024", CVPR, "2311.17009", ("Yatim", "DMT"),
    ),
    Work(
        "meng2022sdedit",
        "SDEdit: Guided Image Synthesis and Editing with Stochastic Differential Equations",
        "Meng, Chenlin and He, Yutong and Song, Yang and Song, Jiaming and Wu, Jiajun and "
        "Zhu, Jun-Yan and Ermon, Stefano",
        "2022", ICLR, "2108.01073", ("SDEdit",),
    ),
    Work(
        "song2021ddim",
        "Denoising Diffusion Implicit Models",
        "Song, Jiaming and Meng, Chenlin and Ermon, Stefano",
        "2021", ICLR, "2010.02502",
    ),
    Work(
        "ling2025motionclone",
        "MotionClone: Training-Free Motion Cloning for Controllable Video Generation",
        "Ling, Pengyang and Bu, Jiazi and Zhang, Pan and Dong, Xiaoyi and Zang, Yuhang and "
        "Wu, Tong and Chen, Huaian and Wang, Jiaqi and Jin, Yi",
        "2025", ICLR, "2406.05338", ("MotionClone",),
    ),
    Work(
        "pondaven2025ditflow",
        "Video Motion Transfer with Diffusion Transformers",
        "Pondaven, Alexander and Siarohin, Aliaksandr and Tulyakov, Sergey and Torr, Philip and "
        "Pizzati, Fabio",
        "2025", CVPR, "2412.07776", ("DiTFlow",),
    ),
    Work(
        "xiao2024moft",
        "Video Diffusion Models are Training-free Motion Interpreter and Controller",
        "Xiao, Zeqi and Zhou, Yifan and Yang, Shuai and Pan, Xingang",
        "2024", NEURIPS, "2405.14864", ("MOFT",),
    ),
    Work(
        "jeong2024vmc",
        "VMC: Video Motion Customization using Temporal Attention Adaption for Text-to-Video "
        "Diffusion Models",
        "Jeong, Hyeonho and Park, Geon Yeong and Ye, Jong Chul",
        "2024", CVPR, "2312.00845", ("VMC",),
    ),
    Work(
        "zhao2024motiondirector",
        "MotionDirector: Motion Customization of Text-to-Video Diffusion Models",
        "Zhao, Rui and Gu, Yuchao and Wu, Jay Zhangjie and Zhang, David Junhao and Liu, Jia-Wei "
        "and Wu, Weijia and Keppo, Jussi and Shou, Mike Zheng",
        "2024", ECCV, "2310.08465", ("MotionDirector",),
    ),
    Work(
        "wu2023tune",
        "Tune-A-Video: One-Shot Tuning of Image Diffusion Models for Text-to-Video Generation",
        "Wu, Jay Zhangjie and Ge, Yixiao and Wang, Xintao and Lei, Stan Weixian and Gu, Yuchao and "
        "Shi, Yufei and Hsu, Wynne and Shan, Ying and Qie, Xiaohu and Shou, Mike Zheng",
        "2023", ICCV, "2212.11565", ("Tune-A-Video",),
    ),
    Work(
        "gao2025conmo",
        "ConMo: Controllable Motion Disentanglement and Recomposition for Zero-Shot Motion "
        "Transfer",
        "Gao, Jiayi and Yin, Zijin and Hua, Changcheng and Peng, Yuxin and Liang, Kongming and "
        "Ma, Zhanyu and Guo, Jun and Liu, Yang",
        "2025", CVPR, "2504.02451", ("ConMo",),
    ),
    Work(
        "kulikov2025flowedit",
        "FlowEdit: Inversion-Free Text-Based Editing Using Pre-Trained Flow Models",
        "Kulikov, Vladimir and Kleiner, Matan and Huberman-Spiegelglas, Inbar and Michaeli, Tomer",
        "2025", ICCV, "2412.08629", ("FlowEdit",),
    ),
    Work(
        "li2025five",
        "FiVE: A Fine-grained Video Editing Benchmark for Evaluating Emerging Diffusion and "
        "Rectified Flow Models",
        "Li, Minghan and Xie, Chenxi and Wu, Yichen and Zhang, Lei and Wang, Mengyu",
        "2025", ICCV, "2503.13684", ("FiVE", "FiVE-Bench"),
    ),
    Work(
        "ma2026fastvmt",
        "FastVMT: Eliminating Redundancy in Video Motion Transfer",
        "Ma, Yue and Wang, Zhikai and Ren, Tianhao and Zheng, Mingzhe and Liu, Hongyu and "
        "Guo, Jiayi and Feng, Kunyu and Xue, Yuxuan and Zhao, Zixiang and Schindler, Konrad and "
        "Chen, Qifeng and Zhang, Linfeng",
        "2026", ICLR, "2602.05551", ("FastVMT",),
    ),
    Work(
        "wang2026flowmotion",
        "FlowMotion: Training-Free Flow Guidance for Video Motion Transfer",
        "Wang, Zhen and Xu, Youcan and Xiao, Jun and Chen, Long",
        "2026", CVPR, "2603.06289", ("FlowMotion",),
    ),
    Work(
        "geyer2024tokenflow",
        "TokenFlow: Consistent Diffusion Features for Consistent Video Editing",
        "Geyer, Michal and Bar-Tal, Omer and Bagon, Shai and Dekel, Tali",
        "2024", ICLR, "2307.10373", ("TokenFlow",),
    ),
    Work(
        "chen2023controlavideo",
        "Control-A-Video: Controllable Text-to-Video Diffusion Models with Motion Prior and Reward "
        "Feedback Learning",
        "Chen, Weifeng and Ji, Yatai and Wu, Jie and Wu, Hefeng and Xie, Pan and Li, Jiashi and "
        "Xia, Xin and Xiao, Xuefeng and Lin, Liang",
        "2023", "", "2305.13840", ("Control-A-Video",), "misc",
    ),
    Work(
        "esser2023structure",
        "Structure and Content-Guided Video Synthesis with Diffusion Models",
        "Esser, Patrick and Chiu, Johnathan and Atighehchian, Parmida and Granskog, Jonathan and "
        "Germanidis, Anastasis",
        "2023", ICCV, "2302.03011",
    ),
    Work(
        "lee2023shape",
        "Shape-aware Text-driven Layered Video Editing",
        "Lee, Yao-Chih and Jang, Ji-Ze Genevieve and Chen, Yi-Ting and Qiu, Elizabeth and "
        "Huang, Jia-Bin",
        "2023", CVPR, "2301.13173",
    ),
    Work(
        "shi2025decouple",
        "Decouple and Track: Benchmarking and Improving Video Diffusion Transformers for Motion "
        "Transfer",
        "Shi, Qingyu and Wu, Jianzong and Bai, Jinbin and Zhang, Jiangning and Qi, Lu and "
        "Tong, Yunhai and Li, Xiangtai",
        "2025", ICCV, "2503.17350", ("DeT",),
    ),
    Work(
        "gokmen2025ropecraft",
        "RoPECraft: Training-Free Motion Transfer with Trajectory-Guided RoPE Optimization on "
        "Diffusion Transformers",
        "Gokmen, Ahmet Berke and Ekin, Yigit and Bilecen, Bahri Batuhan and Dundar, Aysegul",
        "2025", NEURIPS, "2505.13344", ("RoPECraft",),
    ),
    Work(
        "radford2021clip",
        "Learning Transferable Visual Models From Natural Language Supervision",
        "Radford, Alec and Kim, Jong Wook and Hallacy, Chris and Ramesh, Aditya and Goh, Gabriel "
        "and Agarwal, Sandhini and Sastry, Girish and Askell, Amanda and Mishkin, Pamela and "
        "Clark, Jack and Krueger, Gretchen and Sutskever, Ilya",
        "2021", ICML, "2103.00020", ("Radford",),
    ),
    Work(
        "hessel2021clipscore",
        "CLIPScore: A Reference-free Evaluation Metric for Image Captioning",
        "Hessel, Jack and Holtzman, Ari and Forbes, Maxwell and Le Bras, Ronan and Choi, Yejin",
        "2021",
        "Conference on Empirical Methods in Natural Language Processing (EMNLP)",
        "2104.08718", ("Hessel",),
    ),
    Work(
        "kirstain2023pick",
        "Pick-a-Pic: An Open Dataset of User Preferences for Text-to-Image Generation",
        "Kirstain, Yuval and Polyak, Adam and Singer, Uriel and Matiana, Shahbuland and "
        "Penna, Joe and Levy, Omer",
        "2023", NEURIPS, "2305.01569", ("Kirstain",),
    ),
    Work(
        "oquab2024dinov2",
        "DINOv2: Learning Robust Visual Features without Supervision",
        "Oquab, Maxime and Darcet, Timothée and Moutakanni, Théo and Vo, Huy V. and "
        "Szafraniec, Marc and Khalidov, Vasil and Fernandez, Pierre and Haziza, Daniel and "
        "Massa, Francisco and El-Nouby, Alaaeldin and Assran, Mahmoud and Ballas, Nicolas and "
        "Galuba, Wojciech and Howes, Russell and Huang, Po-Yao and Li, Shang-Wen and "
        "Misra, Ishan and Rabbat, Michael and Sharma, Vasu and Synnaeve, Gabriel and Xu, Hu and "
        "Jegou, Hervé and Mairal, Julien and Labatut, Patrick and Joulin, Armand and "
        "Bojanowski, Piotr",
        "2024", TMLR, "2304.07193", ("Oquab",), "article",
    ),
    Work(
        "huang2024vbench",
        "VBench: Comprehensive Benchmark Suite for Video Generative Models",
        "Huang, Ziqi and He, Yinan and Yu, Jiashuo and Zhang, Fan and Si, Chenyang and "
        "Jiang, Yuming and Zhang, Yuanhan and Wu, Tianxing and Jin, Qingyang and "
        "Chanpaisit, Nattapol and Wang, Yaohui and Chen, Xinyuan and Wang, Limin and Lin, Dahua "
        "and Qiao, Yu and Liu, Ziwei",
        "2024", CVPR, "2311.17982", ("VBench",),
    ),
    Work(
        "qi2023fatezero",
        "FateZero: Fusing Attentions for Zero-shot Text-based Video Editing",
        "Qi, Chenyang and Cun, Xiaodong and Zhang, Yong and Lei, Chenyang and Wang, Xintao and "
        "Shan, Ying and Chen, Qifeng",
        "2023", ICCV, "2303.09535", ("FateZero",),
    ),
    Work(
        "lai2018blind",
        "Learning Blind Video Temporal Consistency",
        "Lai, Wei-Sheng and Huang, Jia-Bin and Wang, Oliver and Shechtman, Eli and Yumer, Ersin "
        "and Yang, Ming-Hsuan",
        "2018", ECCV, "1808.00449", ("Lai",),
    ),
    Work(
        "yang2025videograin",
        "VideoGrain: Modulating Space-Time Attention for Multi-grained Video Editing",
        "Yang, Xiangpeng and Zhu, Linchao and Fan, Hehe and Yang, Yi",
        "2025", ICLR, "2502.17258", ("VideoGrain",),
    ),
    Work(
        "cong2024flatten",
        "FLATTEN: optical FLow-guided ATTENtion for consistent text-to-video editing",
        "Cong, Yuren and Xu, Mengmeng and Simon, Christian and Chen, Shoufa and Ren, Jiawei and "
        "Xie, Yanping and Perez-Rua, Juan-Manuel and Rosenhahn, Bodo and Xiang, Tao and He, Sen",
        "2024", ICLR, "2310.05922", ("FLATTEN",),
    ),
    Work(
        "wu2023loveu",
        "CVPR 2023 Text Guided Video Editing Competition",
        "Wu, Jay Zhangjie and Li, Xiuyu and Gao, Difei and Dong, Zhen and Bai, Jinbin and "
        "Singh, Aishani and Xiang, Xiaoyu and Li, Youzeng and Huang, Zuwei and Sun, Yuanxi and "
        "He, Rui and Hu, Feng and Hu, Junhua and Huang, Hai and Zhu, Hanyu and Cheng, Xu and "
        "Tang, Jie and Shou, Mike Zheng and Keutzer, Kurt and Iandola, Forrest",
        "2023", "", "2310.16003", ("LOVEU-TGVE",), "misc",
    ),
    Work(
        "eiter1994computing",
        "Computing Discrete Fréchet Distance",
        "Eiter, Thomas and Mannila, Heikki",
        "1994", "Christian Doppler Laboratory for Expert Systems, TU Vienna", "",
        ("Eiter and Mannila",), "techreport",
    ),
    Work(
        "ni2022expanding",
        "Expanding Language-Image Pretrained Models for General Video Recognition",
        "Ni, Bolin and Peng, Houwen and Chen, Minghao and Zhang, Songyang and Meng, Gaofeng and "
        "Fu, Jianlong and Xiang, Shiming and Ling, Haibin",
        "2022", ECCV, "2208.02816", ("X-CLIP",),
    ),
    Work(
        "lin2024evaluating",
        "Evaluating Text-to-Visual Generation with Image-to-Text Generation",
        "Lin, Zhiqiu and Pathak, Deepak and Li, Baiqi and Li, Jiayao and Xia, Xide and "
        "Neubig, Graham and Zhang, Pengchuan and Ramanan, Deva",
        "2024", ECCV, "2404.01291", ("VQAScore",),
    ),
    Work(
        "kroeger2016fast",
        "Fast Optical Flow using Dense Inverse Search",
        "Kroeger, Till and Timofte, Radu and Dai, Dengxin and Van Gool, Luc",
        "2016", ECCV, "1603.03590",
    ),
    Work(
        "lucas1981iterative",
        "An Iterative Image Registration Technique with an Application to Stereo Vision",
        "Lucas, Bruce D. and Kanade, Takeo",
        "1981", "International Joint Conference on Artificial Intelligence (IJCAI)",
    ),
    Work(
        "farneback2003two",
        "Two-Frame Motion Estimation Based on Polynomial Expansion",
        "Farnebäck, Gunnar",
        "2003", "Scandinavian Conference on Image Analysis (SCIA)",
    ),
    Work(
        "karaev2024cotracker",
        "CoTracker: It is Better to Track Together",
        "Karaev, Nikita and Rocco, Ignacio and Graham, Benjamin and Neverova, Natalia and "
        "Vedaldi, Andrea and Rupprecht, Christian",
        "2024", ECCV, "2307.07635",
    ),
    Work(
        "karaev2024cotracker3",
        "CoTracker3: Simpler and Better Point Tracking by Pseudo-Labelling Real Videos",
        "Karaev, Nikita and Makarov, Iurii and Wang, Jianyuan and Neverova, Natalia and "
        "Vedaldi, Andrea and Rupprecht, Christian",
        "2024", "", "2410.11831", (), "misc",
    ),
    Work(
        "doersch2023tapir",
        "TAPIR: Tracking Any Point with per-frame Initialization and temporal Refinement",
        "Doersch, Carl and Yang, Yi and Vecerik, Mel and Gokay, Dilara and Gupta, Ankush and "
        "Aytar, Yusuf and Carreira, Joao and Zisserman, Andrew",
        "2023", ICCV, "2306.08637",
    ),
    Work(
        "doersch2024bootstap",
        "BootsTAP: Bootstrapped Training for Tracking-Any-Point",
        "Doersch, Carl and Luc, Pauline and Yang, Yi and Gokay, Dilara and Koppula, Skanda and "
        "Gupta, Ankush and Heyward, Joseph and Rocco, Ignacio and Goroshin, Ross and "
        "Carreira, Joao and Zisserman, Andrew",
        "2024", "Asian Conference on Computer Vision (ACCV)", "2402.00847",
    ),
    Work(
        "harley2025alltracker",
        "AllTracker: Efficient Dense Point Tracking at High Resolution",
        "Harley, Adam W. and You, Yang and Sun, Xinglong and Zheng, Yang and Raghuraman, Nikhil "
        "and Gu, Yunqi and Liang, Sheldon and Chu, Wen-Hsuan and Dave, Achal and Tokmakov, Pavel "
        "and You, Suya and Ambrus, Rares and Fragkiadaki, Katerina and Guibas, Leonidas J.",
        "2025", ICCV, "2506.07310",
    ),
)  # fmt: skip

TRACKERS = {
    "dis": ("kroeger2016fast",),
    "lucas-kanade": ("lucas1981iterative",),
    "farneback": ("farneback2003two",),
    "cotracker": ("karaev2024cotracker", "karaev2024cotracker3"),
    "tapir": ("doersch2023tapir",),
    "bootstapir": ("doersch2023tapir", "doersch2024bootstap"),
    "alltracker": ("harley2025alltracker",),
}
"""Keys of the works behind a tracker, by the start of its name."""

_ARXIV = re.compile(r"\d{4}\.\d{4,5}")


def works_named(words: str) -> list[Work]:
    """Return the works that a short reference names, by arXiv number or by name."""
    numbers = set(_ARXIV.findall(words))
    return [
        work
        for work in WORKS
        if (work.arxiv and work.arxiv in numbers)
        or any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", words) for name in work.names)
    ]


def works_of_tracker(name: str) -> Iterator[Work]:
    """Return the works behind a tracker, such as `dis` or `bootstapir:/path.pt`, if known."""
    for tracker, keys in TRACKERS.items():
        if name.split(":")[0].startswith(tracker):
            yield from (work for work in WORKS if work.key in keys)

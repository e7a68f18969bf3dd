// The patterns of named.cc, one a line: a name for people and the text of the chain
// (FusedProgram::text; `Plan::explain` prints the text of every chain that has no name). X(name,
// text).
#pragma once

#define LATENT_NAMED_CHAINS(X)                                                                 \
  X("adam",                                                                                    \
    "fffssf:5 mul,6,0 mul,7,1 add,12,11 square,0 mul,8,14 mul,9,2 add,16,15 sqrt,17 mul,18,3 " \
    "add,19,10 mul,4,13 div,21,20 sub,5,22 =13 =17 =23")                                       \
  X("bias", "fr:0 add,0,1 =2")                                                                 \
  X("bias relu", "fr:0 add,0,1 relu,2 =3")                                                     \
  X("bias column sum", "fr:0 add,0,1 |2")                                                      \
  X("bias with column sum", "fr:0 add,0,1 =2 |2")                                              \
  X("sum", "ff:0 add,0,1 =2")                                                                  \
  X("sum of two with bias", "frfr:0 add,0,1 add,2,3 add,5,4 =6")                               \
  X("batch variance", "frr:0 add,0,1 sub,3,2 square,4 |5")                                     \
  X("batch norm relu", "frrrr:0 add,0,1 sub,5,2 mul,6,3 add,7,4 relu,8 =9")                    \
  X("batch norm relu gradient",                                                                \
    "ffrfrr:0 step,0 mul,1,6 mul,7,2 add,3,4 sub,9,5 mul,7,10 |7 =8 |11")                      \
  X("batch norm gradient", "frrrf:1 add,0,1 sub,6,2 mul,5,7 mul,3,8 add,4,9 neg,10 =10 |11")   \
  X("batch norm gradient of two",                                                              \
    "ffrrrf:1 add,1,2 sub,7,3 mul,6,8 mul,4,9 add,5,10 neg,11 add,0,11 |0 =13 |12")            \
  X("variance", "fr:0 sub,0,1 square,2 |3")                                                    \
  X("norm relu", "frrr:0 sub,0,1 mul,4,2 add,5,3 relu,6 =7")                                   \
  X("norm relu gradient", "ffrfr:0 step,0 mul,1,5 mul,6,2 sub,3,4 mul,6,8 |6 =7 |9")           \
  X("norm gradient", "frrf:1 sub,0,1 mul,4,5 mul,2,6 add,3,7 neg,8 =8 |9")                     \
  X("relu gradient", "ff:0 step,0 mul,1,2 =3 |3")                                              \
  X("relu gradient of two", "fff:0 add,0,1 step,2 mul,3,4 =5 |5")                              \
  X("gaussian posterior",                                                                      \
    "frfrf:5 add,0,1 add,2,3 mul,5,11 exp,12 mul,13,4 add,10,14 exp,11 square,10 add,17,16 "   \
    "sub,18,6 sub,19,11 mul,7,10 mul,8,21 mul,8,16 add,9,23 =13 =15 +20 =22 =24")              \
  X("gaussian posterior gradient",                                                             \
    "fffff:1 add,0,1 mul,1,2 mul,7,3 mul,8,5 add,4,9 =6 =10 |10 |6")                           \
  X("squared error", "frf:2 add,0,1 sub,5,2 square,6 mul,3,6 mul,4,8 +7 =9 |9")                \
  X("gru",                                                                                     \
    "ffffffff:0 add,0,1 sigmoid,8 add,2,3 sigmoid,10 add,4,5 mul,9,12 add,6,13 tanh,14 "       \
    "sub,7,15 mul,11,16 add,15,17 =9 =11 =12 =15 =16 =18")                                     \
  X("gru of padded rows",                                                                      \
    "ffffffffc:0 add,0,1 sigmoid,9 add,2,3 sigmoid,11 add,4,5 mul,10,13 add,6,14 tanh,15 "     \
    "sub,7,16 mul,12,17 add,16,18 where,8,19,7 =10 =12 =13 =16 =17 =20")                       \
  X("gru gradient",                                                                            \
    "ffffffff:1 add,0,1 mul,9,2 neg,10 add,9,11 square,3 sub,8,13 mul,12,14 mul,15,4 mul,9,5 " \
    "sub,8,2 mul,2,18 mul,17,19 mul,15,6 sub,8,4 mul,4,22 mul,21,23 add,7,16 =10 =15 =16 =20 " \
    "=24 =25")                                                                                 \
  X("gru gradient of a last state",                                                            \
    "fffffff:1 mul,0,1 neg,8 add,0,9 square,2 sub,7,11 mul,10,12 mul,13,3 mul,0,4 sub,7,1 "    \
    "mul,1,16 mul,15,17 mul,13,5 sub,7,3 mul,3,20 mul,19,21 add,6,14 =8 =13 =14 =18 =22 =23")  \
  X("gru gradient of padded rows",                                                             \
    "fcffffff:2 mul,0,8 where,1,0,10 mul,11,2 neg,12 add,11,13 square,3 sub,9,15 mul,14,16 "   \
    "mul,17,4 mul,11,5 sub,9,2 mul,2,20 mul,19,21 mul,17,6 sub,9,4 mul,4,24 mul,23,25 "        \
    "add,7,18 where,1,10,0 add,28,12 =17 =18 =22 =26 =27 =29")                                 \
  X("bernoulli",                                                                               \
    "frf:2 add,0,1 mul,5,2 softplus,5 sub,7,6 sigmoid,5 mul,3,9 mul,4,2 add,10,11 +8 =12 |12") \
  X("bernoulli of logits",                                                                     \
    "ff:2 mul,0,1 softplus,0 sub,5,4 sigmoid,0 mul,2,7 mul,3,1 add,8,9 +6 =10")                \
  X("column sum", "f:0 |0")                                                                    \
  X("row sum", "f:0 +0")                                                                       \
  X("scaled row sum", "f:1 mul,1,0 +2")                                                        \
  X("scaled", "f:1 mul,0,1 =2")                                                                \
  X("mean of two sums", "ff:1 mul,0,2 mul,1,2 add,3,4 =5")

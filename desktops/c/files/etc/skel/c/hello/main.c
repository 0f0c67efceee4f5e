#include <stdio.h>

int main(void)
{
    printf("Hello, world! 你好，世界！\n");
    return 0;
}
